/**
 * Whole machines: minutes each when emulated. They use the project's own build and cache directories, so that `demo`
 * and these tests build things once.
 */

import assert from "node:assert/strict";
import { bootDemo } from "../../lib/cli/commands/demo.ts";
import {
  bootPair,
  desktopSpec,
  laptopSpec,
  listFacts,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { prepareQemuTest } from "./machines.ts";
import { type Pair, startConfiguredPair, startPair, testUnpluggedCable } from "./unplugged_cable.ts";

const rig = await prepareQemuTest();

const preparePair = (): Promise<Pair> => startPair(rig);

Deno.test({
  name: "a desktop without a disk boots the laptop's system, its file is on the laptop's disk, and both shut down",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const machines = await rig.machines();
    const outcome = await bootDemo(system, ui, { machines, options });
    for (const fact of listFacts(outcome)) assert.ok(fact.holds, fact.text);
  },
});

testUnpluggedCable(rig, "NBD without a tunnel", {
  prepare: () => startConfiguredPair(rig, "nbd", "block:\n  security: none\n  transport: nbd\n"),
  seconds: 60,
  action: "poweroff",
  device: /^\/dev\/nbd0$/,
});

Deno.test({
  name: "an image with another key: both sides say so, and nothing is booted",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { settings, start } = await preparePair();
    const other = await rig.imageWithOtherKey();
    await using laptop = await start(laptopSpec(settings));
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
    await using desktop = await start(desktopSpec({ ...settings, image: other }));
    await Promise.all([
      laptop.waitForLine(/another key/, { timeoutMs: 180_000 }),
      desktop.waitForLine(/another key/, { timeoutMs: 180_000 }),
    ]);
    assert.ok(!desktop.lines.some(({ text }) => /step=(found|fetched|kexec)/.test(text)));
  },
});

Deno.test({
  name: "Ctrl-C during a run ends both machines",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options } = rig;
    const { settings, host } = await preparePair();
    const stop = new AbortController();
    const running = bootPair(system, settings, {
      place: { host, runDirectory: options.runDirectory, signal: stop.signal },
      order: { action: "poweroff", token: newToken(system) },
      watcher: { onStep: () => stop.abort() },
    });
    await assert.rejects(running, /Stopped/);
    // A QEMU that is still there would have this run's directory in its arguments.
    const { stdout } = await system.run(["ps", "-e", "-o", "args"]);
    assert.ok(!stdout.includes(`file=${settings.diskPath}`));
  },
});
