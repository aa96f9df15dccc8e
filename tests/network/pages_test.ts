/** The pages of both agents on terminals like the Linux console: tmux plays it. */
import assert from "node:assert/strict";
import { hasTmux, openTerminal, type Terminal } from "../support/terminal.ts";
import { attachDisk, clientCommand, createSite, serverCommand, startClient } from "./agents.ts";
import { createRig, type Machine, rigTest } from "./rig.ts";

async function openConsole(machine: Machine, argv: readonly string[], columns = 80): Promise<Terminal> {
  const words = ["ip", "netns", "exec", machine.namespace, ...argv];
  return await openTerminal(words, { rows: 25, columns, env: { TERM: "linux" } });
}

rigTest("a laptop shows one page while it waits and serves, in place, and lines again at its end", async () => {
  if (!hasTmux) return console.log("skipped: there is no tmux");
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const [laptop, desktop] = [rig.machine("laptop"), rig.machine("desktop")];
  const site = await createSite(rig);
  await desktop.run(["ip", "link", "set", "dev", "eth0", "up"]);
  await using screen = await openConsole(laptop, serverCommand(laptop, { site }));
  const waiting = await screen.waitFor(/^State +Waiting for a desktop$[\s\S]*^Status at +http:\/\/\[fe80/m);
  assert.match(waiting, /^stiefelsystem server "laptop"\n/);
  assert.match(waiting, /^Listens on +eth0$/m);
  assert.match(waiting, /^\d\d:\d\dZ Waiting for a desktop with the same key$/m);
  assert.doesNotMatch(waiting, /step=/);

  await using client = startClient(desktop, { site });
  assert.equal((await client.exited).exitCode, 0, client.lines.join("\n"));
  await using disk = await attachDisk(desktop, { reads: 100 });
  const lent = await screen.waitFor(/^State +"desktop" \([\s\S]*^Connection +up, nbd, not encrypted$/m);
  assert.match(lent, /^Status at +http:\/\/\[fd[0-9a-f:]+::1\]:4645\/ \(on "desktop"\)$/m);
  // In place: one heading, and nothing has scrolled away.
  assert.equal((await screen.history()).match(/^stiefelsystem server/gm)?.length, 1);
  assert.ok(lent.split("\n").length <= 25);
  await disk.kill();
  await screen.press("C-c");
  const after = await screen.waitFor(/^SANE$/m);
  assert.match(after, /^\d\d:\d\dZ "desktop" is connected to the disk$/m);
});

rigTest(
  "a desktop that waits shows what it looks for, where, for how long, and what to check, also in 40 columns",
  async () => {
    if (!hasTmux) return console.log("skipped: there is no tmux");
    await using rig = await createRig([["void", "eth0", "desktop", "eth0"]]);
    const desktop = rig.machine("desktop");
    const site = await createSite(rig);
    await using screen = await openConsole(desktop, clientCommand(desktop, { site }), 40);
    const text = await screen.waitFor(/^Check next +No cable/m);
    assert.match(text, /^stiefelsystem desktop\n/);
    assert.match(text, /^Looks for +a laptop with the key\n +[0-9a-f-]{19}$/m);
    assert.match(text, /^For +\d+ s$/m);
    assert.match(text, /^eth0 +(?:no cable|being raised)$/m);
    assert.equal((await screen.history()).match(/^stiefelsystem desktop/gm)?.length, 1);
  },
);

rigTest("a serial line has lines that begin at its left, marks, and the two keys", async () => {
  if (!hasTmux) return console.log("skipped: there is no tmux");
  await using rig = await createRig([["laptop", "eth0", "desktop", "eth0"]]);
  const laptop = rig.machine("laptop");
  const site = await createSite(rig);
  const words = ["ip", "netns", "exec", laptop.namespace, ...serverCommand(laptop, { site })];
  await using screen = await openTerminal(words, { rows: 40, env: { TERM: "vt220" } });
  await screen.waitFor(/^stiefelsystem: step=serving after=[\d.]+$/m);
  await screen.press("E");
  const text = await screen.waitFor(/^No desktop has the disk: Ctrl-Alt-Del restarts this laptop$/m);
  assert.match(text, /^This computer is the stiefelsystem server "laptop"/m);
  assert.doesNotMatch(text, /^ {10}/m);
  await screen.press("C-c");
  await screen.waitFor(/^SANE$/m);
});
