/** Looking at block devices, before one is written to and while it is. */

import { type BlockDevice, listBlockDevicesInFull, readKernelFile, realDevicePath } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { findDevice } from "./choose_device.ts";

/**
 * All block devices; disks with their sequence number where the kernel has one (older lsblk(8) does not tell it).
 * Runs `lsblk`, `cat`. @throws {CommandError}
 */
export async function lookAtDevices(system: System): Promise<readonly BlockDevice[]> {
  const devices = await listBlockDevicesInFull(system);
  return await Promise.all(devices.map(async (device) => {
    if (device.diskSequence !== undefined || device.type !== "disk") return device;
    const text = await readKernelFile(system, `/sys/class/block/${device.name}/diskseq`);
    return text !== undefined && /^\d+$/.test(text) ? { ...device, diskSequence: Number(text) } : device;
  }));
}

/** The name under which the list has a device: for links such as /dev/disk/by-id/…, too. Runs `lsblk`. */
export async function resolveDeviceName(
  system: System,
  devices: readonly BlockDevice[],
  name: string,
): Promise<string> {
  if (findDevice(devices, name) !== undefined || !name.startsWith("/")) return name;
  const real = await realDevicePath(system, name);
  return real === undefined || real === "" ? name : real;
}
