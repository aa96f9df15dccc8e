/** What an agent that was killed has left open on the disk, which would look like somebody else's use of it. */
import { type BlockDevice, listBlockDevices } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { isOwnMapping } from "./luks.ts";

/**
 * Unmounts what is mounted below the work directory and locks again what was unlocked, innermost first.
 * Runs `lsblk`, `umount`, `cryptsetup`. @throws {CommandError} when something does not let go
 */
export async function releaseLeftovers(system: System, workDirectory: string): Promise<void> {
  for (const argv of planRelease(await listBlockDevices(system), workDirectory)) {
    await system.run(argv, { timeoutMs: 60_000 });
  }
}

/** Pure. */
export function planRelease(devices: readonly BlockDevice[], workDirectory: string): readonly (readonly string[])[] {
  const commands = devices.flatMap((device): readonly (readonly string[])[] => [
    ...planRelease(device.children, workDirectory),
    ...device.mountPoints.filter((point) => point.startsWith(`${workDirectory}/`)).map((point) => ["umount", point]),
    ...(device.type === "crypt" && isOwnMapping(device.name) ? [["cryptsetup", "close", device.name]] : []),
  ]);
  // A volume on two disks is listed below each.
  return commands.filter((argv, index) => commands.findIndex((other) => other.join(" ") === argv.join(" ")) === index);
}
