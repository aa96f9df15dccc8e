/** Which disk to serve, and whether it may be served: decided from what was found out about it. Pure. */

import { formatBytes } from "../format_bytes.ts";
import type { BlockDevice } from "../system/facts.ts";
import { DiskError } from "./disk_error.ts";

export type DiskProblemCode = "mounted" | "hibernated" | "held" | "read-only";

/** A reason not to serve the disk. */
export interface DiskProblem {
  readonly code: DiskProblemCode;
  readonly message: string;
}

/** A device and everything on top of it, itself first. */
export function withDescendants(device: BlockDevice): readonly BlockDevice[] {
  return [device, ...device.children.flatMap(withDescendants)];
}

/**
 * The disk to serve when the configuration names none: the only whole disk that is built in.
 * @throws {DiskError} "no-device" when there is none, or more than one
 */
export function chooseDisk(devices: readonly BlockDevice[]): BlockDevice {
  const disks = devices.filter(isFixedDisk);
  const [first, ...others] = disks;
  if (first !== undefined && others.length === 0) return first;
  throw new DiskError(
    "no-device",
    first === undefined
      ? "No disk to serve: this machine has no built-in disk"
      : `Which disk to serve is not clear: this machine has ${disks.length} built-in disks`,
    {
      hints: [
        ...devices.filter((device) => device.type === "disk").map(describeDisk),
        'Name it in config.yaml, "boot: {disk: /dev/disk/by-id/…}", and build the image again',
      ],
    },
  );
}

/**
 * Whether a device may be a laptop's disk at all. lsblk(8) says "disk" also of memory (zram, which most desktops swap
 * to, and ram), and of the boot areas of an eMMC, which are read-only.
 */
export function isRealDisk(device: BlockDevice): boolean {
  const isVirtual = /^(?:loop|ram|zram|nbd|fd|sr|dm-|md)\d*/.test(device.name);
  return device.type === "disk" && !isVirtual && !device.isReadOnly && device.sizeBytes > 0;
}

/** USB disks do not always flag themselves removable; ours may be one, but never without being named. */
function isFixedDisk(device: BlockDevice): boolean {
  return isRealDisk(device) && !device.isRemovable && device.transport !== "usb";
}

/** "/dev/sda: Samsung SSD 870, 500 GB, sata, serial S5…" */
export function describeDisk(disk: BlockDevice): string {
  const facts = [
    disk.model ?? "unknown model",
    formatBytes(disk.sizeBytes),
    disk.transport,
    disk.serial === undefined ? undefined : `serial ${disk.serial}`,
    disk.isRemovable ? "removable" : undefined,
  ];
  return `${disk.path}: ${facts.filter((fact) => fact !== undefined).join(", ")}`;
}

/** What stands against serving the disk, as far as lsblk(8) can tell. */
export function findUses(disk: BlockDevice): readonly DiskProblem[] {
  const problems: DiskProblem[] = [];
  for (const device of withDescendants(disk)) {
    for (const point of device.mountPoints) {
      problems.push({
        code: "mounted",
        message: point === "[SWAP]"
          ? `"${device.path}" is in use as swap`
          : `"${device.path}" is mounted at "${point}"`,
      });
    }
    if (device !== disk && device.type !== "part") {
      problems.push({ code: "held", message: `"${device.path}" (${device.type}) is active on top of the disk` });
    }
  }
  if (disk.isReadOnly) problems.push({ code: "read-only", message: `"${disk.path}" cannot be written to` });
  return problems;
}
