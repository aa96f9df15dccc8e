/** May this disk be served, and what does the client have to know about it. */

import { type BlockDevice, listBlockDevices } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { BootError } from "../boot/entry.ts";
import { chooseDisk, describeDisk, type DiskProblem, findUses, withDescendants } from "./decide_disk.ts";
import { probeSignature } from "./signature.ts";

export interface DiskReport {
  /** The real device, not a link to it. */
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly logicalBlockSize: number;
  readonly model?: string;
  readonly serial?: string;
  /** Empty when the disk may be served. */
  readonly problems: readonly DiskProblem[];
  /** What the user should know, but does not stand against serving. */
  readonly notices: readonly string[];
}

/**
 * @param path of the disk, a link such as `/dev/disk/by-id/…` too; undefined: the only built-in one
 * @throws {BootError} "no-device". Runs `realpath`, `lsblk`, `blkid`.
 */
export async function inspectDisk(system: System, path?: string): Promise<DiskReport> {
  const disk = await findDisk(system, path);
  const problems = [...findUses(disk)];
  for (const device of withDescendants(disk)) {
    const signature = device.children.length > 0 ? undefined : await probeSignature(system, device.path);
    if (signature?.type !== "swsuspend") continue;
    problems.push({
      code: "hibernated",
      message:
        `A hibernated system is on "${device.path}": it would go on with file systems that the desktop has changed`,
    });
  }
  return {
    path: disk.path,
    name: disk.name,
    sizeBytes: disk.sizeBytes,
    logicalBlockSize: disk.logicalSectorBytes,
    ...(disk.model === undefined ? {} : { model: disk.model }),
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
    problems,
    notices: [],
  };
}

/** The disk as lsblk(8) sees it, with all that is on it. @throws {BootError} "no-device" */
export async function findDisk(system: System, path: string | undefined): Promise<BlockDevice> {
  const devices = await listBlockDevices(system);
  if (path === undefined) return chooseDisk(devices);
  const real = await realDevicePath(system, path);
  const found = devices.find((device) => device.path === real);
  if (found !== undefined) return found;
  throw new BootError("no-device", `There is no disk "${path}" on this machine`, {
    hints: devices.filter((device) => device.type === "disk").map(describeDisk),
  });
}

/** Follows the links of /dev/disk and /dev/mapper; undefined when there is nothing. Runs `realpath`. */
export async function realDevicePath(system: System, path: string): Promise<string | undefined> {
  const { exitCode, stdout } = await system.run(["realpath", "--canonicalize-existing", "--", path], {
    acceptExitCodes: [0, 1],
    timeoutMs: 10_000,
  });
  return exitCode === 0 ? stdout.trimEnd() : undefined;
}
