/** A person at the laptop presses two keys, and the desktop shuts down by its own rules. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hasTmux, openTerminal } from "../support/terminal.ts";
import { attachDisk, createSite, serverCommand, startClient } from "./agents.ts";
import { createRig, type Machine, rigTest, type RunningAgent } from "./rig.ts";

const script = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem/stiefel-end", import.meta.url));

/** stiefel-end with programs that only say that they were called; it looks every second. */
async function startEnd(
  desktop: Machine,
  { address, key, inhibited }: { readonly address: string; readonly key: string; readonly inhibited: string },
): Promise<RunningAgent> {
  const root = await Deno.makeTempDir({ dir: desktop.directory });
  await Deno.mkdir(`${root}/run/stiefelsystem`, { recursive: true });
  const state = `STIEFEL_STATUS_ADDRESS=${address}\nSTIEFEL_END_KEY=${key}\n`;
  await Deno.writeTextFile(`${root}/run/stiefelsystem/session.state`, state);
  const programs = {
    shutdown: 'echo "CALLED shutdown $*"',
    wall: 'echo "CALLED wall $*"',
    busctl: `echo 's "${inhibited}"'`,
    sleep: "/bin/sleep 1; echo LOOKED >&2",
  };
  await Deno.mkdir(`${root}/bin`);
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${root}/bin/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return desktop.start(["env", `PATH=${root}/bin:/usr/bin:/bin`, "sh", script, root]);
}

rigTest(
  "E and then Y at the laptop shut its desktop down, once, unless a program or a key that is not the session's",
  async () => {
    if (!hasTmux) return console.log("skipped: there is no tmux");
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
    const [laptop, desktop, other] = [rig.machine("laptop"), rig.machine("desktop"), rig.machine("other")];
    const site = await createSite(rig);
    const argv = ["ip", "netns", "exec", laptop.namespace, ...serverCommand(laptop, { site })];
    await using screen = await openTerminal(argv, { rows: 25, env: { TERM: "linux" } });
    await screen.waitFor(/Waiting for a desktop/);
    await screen.press("e");
    await screen.waitFor(/No desktop has the disk: Ctrl-Alt-Del/);
    await using client = startClient(desktop, { site });
    assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
    await using disk = await attachDisk(desktop, { reads: 600 });
    await screen.waitFor(/^Connection +up/m);
    await screen.waitFor(/^To end it: press E, then Y here/m);
    const address = /inet6 (fd\S+)\/64/.exec(await laptop.run(["ip", "-6", "address", "show", "dev", "eth0"]))?.[1];
    assert.ok(address);

    await using end = await startEnd(desktop, { address, key: "-", inhibited: "sleep" });
    await using busy = await startEnd(desktop, { address, key: "-", inhibited: "sleep:shutdown" });
    await using foreign = await startEnd(desktop, { address, key: "another", inhibited: "" });
    for (const one of [end, busy, foreign]) await one.waitForLine(/LOOKED/);
    // One key is not enough.
    await screen.press("e", "x");
    await screen.waitFor(/"desktop" is not asked/);
    await end.waitForLine(/LOOKED/, { from: end.lines.length + 1 });
    assert.ok(!end.lines.some((line) => line.startsWith("CALLED")), end.lines.join("\n"));

    await screen.press("e");
    await screen.waitFor(/Press Y within 10 s/);
    await screen.press("Y");
    await end.waitForLine(/^CALLED shutdown -P \+1 The laptop whose disk/);
    await busy.waitForLine(/^CALLED wall .*which a program blocks/);
    await screen.waitFor(/"desktop" has heard it: it shuts down in a minute/);
    // The wish stands, and the desktop is not asked again for it.
    await end.waitForLine(/LOOKED/, { from: end.lines.length + 2 });
    for (const one of [end, busy]) await one.waitForLine(/LOOKED/, { from: one.lines.length + 1 });
    assert.equal(end.lines.filter((line) => line.startsWith("CALLED shutdown")).length, 1);
    assert.ok(!busy.lines.some((line) => line.startsWith("CALLED shutdown")));
    assert.ok(!foreign.lines.some((line) => line.startsWith("CALLED")), foreign.lines.join("\n"));

    // A stranger neither reads the wish nor takes it away.
    await other.run(["ip", "link", "set", "dev", "eth0", "up"]);
    await other.linkLocalAddress("eth0");
    const url = `http://[${await laptop.linkLocalAddress("eth1")}%25eth0]:4645/end`;
    const answer = await other.run(["curl", "--silent", "--globoff", "--include", "--max-time", "20", url]);
    assert.match(answer, /^HTTP\/1\.1 404 /);
    await disk.kill();
  },
);
