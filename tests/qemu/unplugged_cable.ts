/** A pair of machines, and a cable between them that is unplugged for a minute. */

import assert from "node:assert/strict";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  type BootImage,
  cablePath,
  demoCredentials,
  desktopSpec,
  laptopSpec,
  linkId,
  newToken,
  type PairSettings,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { QemuHost, VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { QemuTest } from "./machines.ts";

export interface Pair {
  readonly settings: PairSettings;
  readonly host: QemuHost;
  /** Switches a machine of the pair on, for a quarter of an hour at most. */
  start(spec: VmSpec): Promise<Vm>;
}

/** The pair, with a fresh copy of the demo disk. @param otherImage in place of the project's own */
export async function startPair(rig: QemuTest, otherImage?: BootImage): Promise<Pair> {
  const { system, options: { runDirectory } } = rig;
  const { image, disk, host } = await rig.machines();
  const diskPath = `${runDirectory}/disk.img`;
  await copyDemoDisk(system, disk, diskPath);
  await system.remove(cablePath(runDirectory));
  return {
    settings: { image: otherImage ?? image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 768, console: "pipe" },
    host,
    start: (spec) => startVm(system, spec, host, { runDirectory, limitMs: 15 * 60_000 }),
  };
}

/** @param options.part the kernel's name of the root partition on the desktop */
export function testUnpluggedCable(
  rig: QemuTest,
  { part, prepare }: { readonly part: string; readonly prepare: () => Promise<Pair> },
): void {
  Deno.test({
    name:
      `a cable that is unplugged for 60 s while the desktop starts from ${part} stops it for that long, the laptop's power key ` +
      "does nothing, and nothing fails",
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system } = rig;
      const { settings, start } = await prepare();
      await using laptop = await start(laptopSpec(settings, ["stiefel.on_end=poweroff"]));
      await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
      const token = newToken(system);
      const credentials = demoCredentials({ action: "poweroff", token });
      await using desktop = await start(desktopSpec(settings, credentials));
      await desktop.waitForLine(new RegExp(`EXT4-fs \\(${part}\\): mounted filesystem`), { timeoutMs: 300_000 });

      const unpluggedAtMs = system.monotonicMs();
      await desktop.setLink(linkId, false);
      await system.delay(60_000);
      await laptop.powerDown();
      await desktop.setLink(linkId, true);
      assert.ok(system.monotonicMs() - unpluggedAtMs >= 60_000);

      await desktop.waitForLine(new RegExp(`stiefel-demo: root=/dev/${part} `), { timeoutMs: 420_000 });
      assert.equal((await desktop.ended).kind, "shutdown");
      assert.equal((await laptop.ended).kind, "shutdown");
      const errors = desktop.lines.filter(({ text }) =>
        /I\/O error|EXT4-fs error|Remounting filesystem read-only|THE LAPTOP'S DISK IS CUT OFF/.test(text)
      );
      assert.deepEqual(errors, []);
    },
  });
}
