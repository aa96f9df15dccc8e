/** A pair of machines, and a cable between them that is unplugged while the desktop starts. */

import assert from "node:assert/strict";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  type BootImage,
  cablePath,
  demoCredentials,
  type DemoOrder,
  desktopSpec,
  laptopSpec,
  linkId,
  newToken,
  type PairSettings,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { QemuHost, VmSpec } from "../../lib/qemu/vm_spec.ts";
import { partOf, waitForAttachedDisk } from "./attached_disk.ts";
import type { QemuTest } from "./machines.ts";

export interface Pair {
  readonly settings: PairSettings;
  readonly host: QemuHost;
  /** Switches a machine of the pair on, for 25 minutes at most. */
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
    start: (spec) => startVm(system, spec, host, { runDirectory, limitMs: 25 * 60_000 }),
  };
}

/** The pair, with an image of another configuration: all of it. */
export async function startConfiguredPair(rig: QemuTest, name: string, configuration: string): Promise<Pair> {
  const { system, ui, options: { image, runDirectory } } = rig;
  await system.makeDirectory(runDirectory);
  const configPath = `${runDirectory}/${name}.yaml`;
  await system.writeFile(configPath, configuration);
  return await startPair(
    rig,
    await createInitrd(system, ui, { ...image, configPath, outDir: `${runDirectory}/${name}-image` }),
  );
}

export interface UnpluggedBoot {
  readonly prepare: () => Promise<Pair>;
  /** How long the cable is out; 0: it stays in. */
  readonly seconds: number;
  /** How the desktop ends. */
  readonly action: Exclude<DemoOrder["action"], "bench">;
  /** The disk's, on the desktop. */
  readonly device: RegExp;
  /** What else is looked at, with the consoles of both. */
  readonly look?: (consoles: { readonly laptop: string; readonly desktop: string }) => void;
}

/**
 * Boots the desktop, plugs the cable out when its root file system is mounted, and presses the laptop's power key
 * meanwhile. The desktop goes on and ends, and the laptop switches itself off after its goodbye.
 */
export async function bootUnplugged(rig: QemuTest, options: UnpluggedBoot): Promise<void> {
  const { system } = rig;
  const { prepare, seconds, action, device, look } = options;
  const { settings, start } = await prepare();
  await using laptop = await start(laptopSpec(settings, ["stiefel.on_end=poweroff"]));
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
  const credentials = demoCredentials({ action, token: newToken(system) });
  await using desktop = await start(desktopSpec(settings, credentials));
  const disk = await waitForAttachedDisk(desktop, 300_000);
  assert.match(disk, device);
  const part = partOf(disk, 2);
  const mounted = new RegExp(`EXT4-fs \\(${part.replace("/dev/", "")}\\): mounted filesystem`);
  await desktop.waitForLine(mounted, { timeoutMs: 300_000 });

  if (seconds > 0) {
    const unpluggedAtMs = system.monotonicMs();
    await desktop.setLink(linkId, false);
    await system.delay(seconds * 1000);
    await laptop.powerDown();
    await desktop.setLink(linkId, true);
    assert.ok(system.monotonicMs() - unpluggedAtMs >= seconds * 1000);
  }

  await desktop.waitForLine(new RegExp(`stiefel-demo: root=${part} `), { timeoutMs: 600_000 });
  // The kernel's last word: QEMU ends alike in both cases.
  await desktop.waitForLine(action === "reboot" ? /reboot: Restarting system/ : /reboot: Power down/, {
    timeoutMs: 300_000,
  });
  await desktop.ended;
  assert.equal((await laptop.ended).kind, "shutdown");
  const errors = desktop.lines.filter(({ text }) =>
    /I\/O error|EXT4-fs error|Remounting filesystem read-only|THE LAPTOP'S DISK IS CUT OFF/.test(text)
  );
  assert.deepEqual(errors, []);
  const read = ({ lines }: Vm): string => lines.map(({ text }) => text).join("\n");
  look?.({ laptop: read(laptop), desktop: read(desktop) });
}

export function testUnpluggedCable(rig: QemuTest, name: string, options: UnpluggedBoot): void {
  Deno.test({
    name:
      `${name}: a cable that is unplugged for ${options.seconds} s while the desktop starts stops it for that long, ` +
      "the laptop's power key does nothing, and nothing fails",
    ignore: rig.skipReason !== undefined,
    fn: () => bootUnplugged(rig, options),
  });
}
