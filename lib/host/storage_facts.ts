/** What the root file system lies on: disks, LUKS containers, logical volumes. */

import { type BlockDevice, listBlockDevices } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { outputIfItWorks } from "./ask_program.ts";

/** One mount point and the devices below it, the disk first. */
export interface MountChain {
  readonly mountPoint: string;
  readonly devices: readonly BlockDevice[];
}

export interface StorageFacts {
  readonly disks: readonly BlockDevice[];
  /** What its "/" lies on; undefined for a root that is no block device. */
  readonly root: MountChain | undefined;
  /** What /boot lies on when it is a file system of its own. */
  readonly boot: MountChain | undefined;
}

/** Runs `lsblk`. @param prefix where the system is mounted; "" for the running one */
export async function gatherStorageFacts(system: System, prefix = ""): Promise<StorageFacts> {
  const disks = await listBlockDevices(system);
  return { disks, root: findMount(disks, prefix || "/"), boot: findMount(disks, `${prefix}/boot`) };
}

/** The devices from the disk to the file system that is mounted there. */
export function findMount(disks: readonly BlockDevice[], mountPoint: string): MountChain | undefined {
  for (const disk of disks) {
    const devices = findPath(disk, mountPoint);
    if (devices !== undefined) return { mountPoint, devices };
  }
  return undefined;
}

function findPath(device: BlockDevice, mountPoint: string): readonly BlockDevice[] | undefined {
  if (device.mountPoints.includes(mountPoint)) return [device];
  for (const child of device.children) {
    const rest = findPath(child, mountPoint);
    if (rest !== undefined) return [device, ...rest];
  }
  return undefined;
}

/** All devices of a forest, parents before children. */
export function flattenDevices(devices: readonly BlockDevice[]): readonly BlockDevice[] {
  return devices.flatMap((device) => [device, ...flattenDevices(device.children)]);
}

export function isLuks(device: BlockDevice): boolean {
  return device.fsType === "crypto_LUKS";
}

/**
 * Names of a device that stay the same (udev's links), the most telling first: by-id with model and serial number,
 * by-uuid, others. Runs `udevadm`.
 */
export async function listStableNames(system: System, device: string): Promise<readonly string[]> {
  const names = await outputIfItWorks(system, ["udevadm", "info", "--query=symlink", "--root", `--name=${device}`]);
  return sortStableNames(names?.trim().split(/\s+/).filter(Boolean) ?? []);
}

const telling = [
  // Model and serial number; the others under by-id are numbers only.
  /^\/dev\/disk\/by-id\/(?!wwn-|nvme-(eui|nvme)\.|dm-uuid-|lvm-pv-)/,
  /^\/dev\/disk\/by-uuid\//,
  /^\/dev\/disk\/by-partuuid\//,
  /^\/dev\/disk\/by-id\//,
];

export function sortStableNames(names: readonly string[]): readonly string[] {
  const rank = (name: string): number => {
    const index = telling.findIndex((pattern) => pattern.test(name));
    return index < 0 ? telling.length : index;
  };
  return names.toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}
