/** May this disk be served, and what does the client have to know about it. */

import { DiskError } from "./disk_error.ts";
import { CommandError } from "../errors.ts";
import { type BlockDevice, listBlockDevices, realDevicePath } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { chooseDisk, describeDisk, type DiskProblem, findUses, withDescendants } from "./decide_disk.ts";
import { needsRecovery } from "./needs_recovery.ts";
import { activateVolume, listVolumes } from "./lvm.ts";
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

interface Findings {
  readonly problems: DiskProblem[];
  readonly notices: string[];
}

export interface InspectOptions {
  /** Its own system was shut down a moment ago: what is locked holds no hibernated system. */
  readonly hasJustRun?: boolean;
}

/**
 * @param path of the disk, a link such as `/dev/disk/by-id/…` too; undefined: the only built-in one
 * @throws {DiskError} "no-device". Runs `lsblk`, `blkid`, `od`, `lvm`.
 */
export async function inspectDisk(
  system: System,
  path?: string,
  { hasJustRun = false }: InspectOptions = {},
): Promise<DiskReport> {
  const disk = await findDisk(system, path);
  const findings: Findings = { problems: [...findUses(disk)], notices: [] };
  const isInUse = findings.problems.length > 0;
  const leaves = withDescendants(disk).filter((device) => device.children.length === 0);
  for (const device of leaves) {
    const type = await lookAt(system, device.path, findings);
    if (hasJustRun) dropNotice(findings, describeLocked(device.path));
    // Volumes are activated for a look; on a disk in use that is left to the program that uses it.
    if (type === "LVM2_member" && !isInUse) await lookAtVolumes(system, device.path, findings);
  }
  return {
    path: disk.path,
    name: disk.name,
    sizeBytes: disk.sizeBytes,
    logicalBlockSize: disk.logicalSectorBytes,
    ...(disk.model === undefined ? {} : { model: disk.model }),
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
    ...findings,
  };
}

/** @returns what is on the device */
async function lookAt(system: System, device: string, { problems, notices }: Findings): Promise<string | undefined> {
  const type = (await probeSignature(system, device))?.type;
  if (type === "swsuspend") {
    problems.push({ code: "hibernated", message: describeHibernation(device) });
  } else if (type === "crypto_LUKS") {
    notices.push(describeLocked(device));
  } else if (type !== undefined && await needsRecovery(system, device, type)) {
    notices.push(describeUnclean(device, type));
  }
  return type;
}

function dropNotice({ notices }: Findings, notice: string): void {
  const at = notices.indexOf(notice);
  if (at >= 0) notices.splice(at, 1);
}

export function describeHibernation(device: string): string {
  return `A hibernated system is on "${device}": it would go on with file systems that the desktop has changed by then`;
}

export function describeLocked(device: string): string {
  return `"${device}" is encrypted: whether a hibernated system is inside cannot be seen here; the desktop looks when it has unlocked it`;
}

export function describeUnclean(device: string, fileSystem: string): string {
  return `"${device}" (${fileSystem}) was not unmounted cleanly; the desktop will replay its journal`;
}

async function lookAtVolumes(system: System, physicalVolume: string, findings: Findings): Promise<void> {
  try {
    for (const volume of await listVolumes(system, [physicalVolume])) {
      if (!volume.isPlain) continue;
      await using opened = await activateVolume(system, [physicalVolume], volume);
      await lookAt(system, opened.path, findings);
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const why = error.failure.notFound
      ? 'the image was built without the module "lvm"'
      : error.message.split("\n", 2)[1];
    findings.notices.push(`The volumes on "${physicalVolume}" could not be looked at: ${why?.trim() ?? "unknown"}`);
  }
}

/** The disk as lsblk(8) sees it, with all that is on it. @throws {DiskError} "no-device" */
export async function findDisk(system: System, path: string | undefined): Promise<BlockDevice> {
  const devices = await listBlockDevices(system);
  if (path === undefined) return chooseDisk(devices);
  const real = await realDevicePath(system, path);
  const disk = devices.find((device) => device.path === real);
  if (disk !== undefined) return disk;
  throw new DiskError("no-device", `There is no disk "${path}" on this machine`, {
    hints: devices.filter((device) => device.type === "disk").map(describeDisk),
  });
}
