/** What an agent that was killed has left open on the disk, which would look like another program's use of it. */
import { type BlockDevice, listBlockDevices } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { isOwnMapping } from "./luks.ts";
import { deactivateVolume, parseMapperName } from "./lvm.ts";

/**
 * Unmounts what is mounted below the work directory, makes the volumes inactive that were mounted there or are in what
 * was unlocked, and locks that again, innermost first. Runs `lsblk`, `umount`, `lvm`, `cryptsetup`. @throws
 * {CommandError} when something does not let go
 */
export async function releaseLeftovers(system: System, workDirectory: string): Promise<void> {
  for (const argv of planRelease(await listBlockDevices(system), workDirectory)) {
    await system.run(argv, { timeoutMs: 60_000 });
  }
}

/** Pure. */
export function planRelease(devices: readonly BlockDevice[], workDirectory: string): readonly (readonly string[])[] {
  const commands = devices.flatMap((device) => planDevice(device, { workDirectory, isInOwnMapping: false }));
  // A volume on two disks is listed below each.
  return commands.filter((argv, index) => commands.findIndex((other) => other.join(" ") === argv.join(" ")) === index);
}

interface Surroundings {
  readonly workDirectory: string;
  readonly isInOwnMapping: boolean;
  readonly parent?: string;
}

function planDevice(device: BlockDevice, around: Surroundings): readonly (readonly string[])[] {
  const isOwn = device.type === "crypt" && isOwnMapping(device.name);
  const aroundChildren = { ...around, isInOwnMapping: around.isInOwnMapping || isOwn, parent: device.path };
  const mounts = device.mountPoints.filter((point) => point.startsWith(`${around.workDirectory}/`));
  const volume = device.type === "lvm" ? parseMapperName(device.name) : undefined;
  return [
    ...device.children.flatMap((child) => planDevice(child, aroundChildren)),
    ...mounts.map((point) => ["umount", point]),
    ...volume !== undefined && around.parent !== undefined && (around.isInOwnMapping || mounts.length > 0)
      ? [deactivateVolume([around.parent], volume)]
      : [],
    ...isOwn ? [["cryptsetup", "close", device.name]] : [],
  ];
}
