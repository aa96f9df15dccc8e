/**
 * Whole machines: minutes each when emulated. They use the project's own build and cache directories, so that `demo`
 * and these tests build things once.
 */

import assert from "node:assert/strict";
import { bootDemo } from "../../lib/cli/commands/demo.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  bootPair,
  demoCredentials,
  desktopSpec,
  laptopSpec,
  linkId,
  listFacts,
  newToken,
  type PairSettings,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { QemuHost, VmSpec } from "../../lib/qemu/vm_spec.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

interface Pair {
  readonly settings: PairSettings;
  readonly host: QemuHost;
  /** Switches a machine of the pair on, for a quarter of an hour at most. */
  start(spec: VmSpec): Promise<Vm>;
}

/** The pair, with a fresh copy of the demo disk. */
async function preparePair(): Promise<Pair> {
  const { system, options: { runDirectory } } = rig;
  const { image, disk, host } = await rig.machines();
  const diskPath = `${runDirectory}/disk.img`;
  await copyDemoDisk(system, disk, diskPath);
  return {
    settings: { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 768, console: "pipe" },
    host,
    start: (spec) => startVm(system, spec, host, { runDirectory, limitMs: 15 * 60_000 }),
  };
}

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

Deno.test({
  name:
    "a cable that is unplugged for 60 s while the desktop starts stops it for that long, the laptop's power key does nothing, and " +
    "nothing fails",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system } = rig;
    const { settings, start } = await preparePair();
    await using laptop = await start(laptopSpec(settings, ["stiefel.on_end=poweroff"]));
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
    const token = newToken(system);
    const credentials = demoCredentials({ action: "poweroff", token });
    await using desktop = await start(desktopSpec(settings, credentials));
    await desktop.waitForLine(/EXT4-fs \(nbd0p2\): mounted filesystem/, { timeoutMs: 300_000 });

    const unpluggedAtMs = system.monotonicMs();
    await desktop.setLink(linkId, false);
    await system.delay(60_000);
    await laptop.powerDown();
    await desktop.setLink(linkId, true);
    assert.ok(system.monotonicMs() - unpluggedAtMs >= 60_000);

    await desktop.waitForLine(/stiefel-demo: root=\/dev\/nbd0p2 /, { timeoutMs: 420_000 });
    assert.equal((await desktop.ended).kind, "shutdown");
    assert.equal((await laptop.ended).kind, "shutdown");
    const errors = desktop.lines.filter(({ text }) =>
      /I\/O error|EXT4-fs error|Remounting filesystem read-only/.test(text)
    );
    assert.deepEqual(errors, []);
  },
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
