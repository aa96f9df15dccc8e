/**
 * A3: the export ends under a desktop that runs from it. The disk is never free while that desktop may still believe
 * it has it.
 */
import assert from "node:assert/strict";
import { attachDisk, createSite, type Site, startClient, startServer } from "./agents.ts";
import { createRig, type Machine, type Rig, rigTest, type RunningAgent } from "./rig.ts";

interface Session extends AsyncDisposable {
  readonly site: Site;
  readonly server: RunningAgent;
  readonly disk: RunningAgent;
}

/** A desktop that reads from the disk for longer than the test lasts. */
async function lend(rig: Rig, args: readonly string[] = []): Promise<Session> {
  await using stack = new AsyncDisposableStack();
  const site = await createSite(rig);
  const server = stack.use(startServer(rig.machine("laptop"), { site, args }));
  await using client = startClient(rig.machine("desktop"), { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await server.waitForLine(/has all it needs/);
  const disk = stack.use(await attachDisk(rig.machine("desktop"), { reads: 400 }));
  await server.waitForLine(/is connected to the disk/);
  const owned = stack.move();
  return { site, server, disk, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function signalNbdkit(laptop: Machine, signal: string): Promise<void> {
  const pids = (await laptop.run(["ip", "netns", "pids", laptop.namespace])).trim().split("\n");
  for (const pid of pids) {
    const name = await laptop.run(["cat", `/proc/${pid}/comm`], { acceptExitCodes: [0, 1] });
    if (name.trim() === "nbdkit") await laptop.run(["kill", signal, pid]);
  }
}

async function readState(laptop: Machine): Promise<{ readonly details: { readonly phase: string } }> {
  // An agent that has just started says what it knows before it listens.
  const patiently = ["--retry", "30", "--retry-connrefused", "--retry-max-time", "30"];
  const page = ["curl", "--silent", ...patiently, "--header", "Accept: application/json", "http://127.0.0.1:4645/"];
  return JSON.parse(await laptop.run(page));
}

rigTest(
  "A3: nbdkit is killed: the disk stays the desktop's, both consoles and the page tell, and only it starts anew",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
    const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
    // with a server that would go back to its own system, and one that gives up early
    await using session = await lend(rig, ["--on-end", "wait", "--client-timeout", "1"]);
    const { site, server } = session;
    // A14: an entry that no answer from the link changes
    const mac = /link\/ether (\S+)/.exec(await desktop.run(["ip", "link", "show", "dev", "eth0"]))?.[1] ?? "";
    const neighbours = await laptop.run(["ip", "-6", "neighbour", "show", "nud", "permanent"]);
    assert.match(neighbours, new RegExp(`^fd\\S+ dev eth0 lladdr ${mac} PERMANENT`, "m"));
    await signalNbdkit(laptop, "-KILL");
    await server.waitForLine(/^\*+ +THE DISK IS CUT OFF FROM ITS DESKTOP$/);
    assert.equal((await readState(laptop)).details.phase, "lost");

    await using other = startClient(rig.machine("other"), { site });
    await other.waitForLine(/The disk is in use by "desktop"/);
    await other.waitForLine(/its connection broke/);

    // an agent that is started in its place knows it, too
    await server.kill();
    await using next = startServer(laptop, { site });
    await next.waitForLine(/THE DISK IS CUT OFF FROM ITS DESKTOP/);
    assert.equal((await readState(laptop)).details.phase, "lost");
    await next.waitForLine(/"other" .* was refused: .*its connection broke/);
    assert.doesNotMatch(next.lines.join("\n"), /Waiting for a desktop|asks for the disk/);

    await using again = startClient(desktop, { site });
    assert.equal((await again.exited).exitCode, 0, again.lines.join("\n"));
    await next.waitForLine(/"desktop" .* starts again/);
  },
);

rigTest("A3: nbdkit is stopped, and goes on: the desktop keeps the disk", async () => {
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
  const laptop = rig.machine("laptop");
  await using session = await lend(rig);
  const { site, server, disk } = session;
  await signalNbdkit(laptop, "-STOP");
  await using other = startClient(rig.machine("other"), { site });
  await other.waitForLine(/The disk is in use by "desktop"/);
  await signalNbdkit(laptop, "-CONT");
  await other.kill();
  assert.equal((await readState(laptop)).details.phase, "lent");
  assert.doesNotMatch(server.lines.join("\n"), /CUT OFF|done with the disk/);
  assert.doesNotMatch(disk.lines.join("\n"), /error|failed/i);
});

rigTest(
  "A3: the server is stopped (SIGTERM, Ctrl-C) under a desktop: the next one does not take the disk for free",
  async () => {
    await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"], ["laptop", "eth1", "other", "eth0"]]);
    const laptop = rig.machine("laptop");
    await using session = await lend(rig);
    const { site, server } = session;
    await laptop.run(["kill", "-INT", String(server.pid)]);
    await server.exited;
    assert.ok(!(await rig.processes("laptop")).includes("nbdkit"));
    await using next = startServer(laptop, { site });
    await next.waitForLine(/THE DISK IS CUT OFF FROM ITS DESKTOP/);
    await using other = startClient(rig.machine("other"), { site });
    await other.waitForLine(/its connection broke/);
    // and told to stop once more
    await laptop.run(["kill", "-TERM", String(next.pid)]);
    await next.exited;
    await using last = startServer(laptop, { site });
    await last.waitForLine(/THE DISK IS CUT OFF FROM ITS DESKTOP/);
  },
);
