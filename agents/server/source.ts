/** What is served: a disk, and what boots from it. Tests bring their own. */
import { type DiskReport, inspectDisk } from "../../lib/block/inspect_disk.ts";
import { type BootSettings, openBootPartition } from "../../lib/boot/boot_partition.ts";
import type { BootImage } from "../../lib/boot/opened_image.ts";
import type { System } from "../../lib/system/system.ts";

export interface DiskSource {
  /** @throws {BootError} "no-device" */
  inspect(): Promise<DiskReport>;
  /** @throws {BootError} "passphrase-needed", "passphrase-wrong", "no-boot-entry", … */
  openBoot(passphrase?: string): Promise<BootImage & AsyncDisposable>;
}

/** The real disk of this machine. */
export function createDiskSource(system: System, settings: BootSettings): DiskSource {
  return {
    inspect: () => inspectDisk(system, settings.disk),
    openBoot: async (passphrase) => {
      if (settings.workDirectory !== undefined) await system.makeDirectory(settings.workDirectory, { mode: 0o700 });
      return await openBootPartition(system, settings, { passphrase });
    },
  };
}
