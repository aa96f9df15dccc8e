/** Which disk is served: the one the laptop ran from, or the one the configuration names. */
import { describeIdentity, findIdentifiedDisk } from "../../lib/disk/disk_identity.ts";
import { describeDisk } from "../../lib/disk/decide_disk.ts";
import { DiskError } from "../../lib/disk/disk_error.ts";
import { listBlockDevices, realDevicePath } from "../../lib/system/facts.ts";
import type { DiskIdentity } from "../../lib/formats/handover.ts";
import type { System } from "../../lib/system/system.ts";

export interface ServedDisk {
  /** undefined: the only built-in one. */
  readonly path: string | undefined;
  /** The laptop's own system ran from it, and what it has handed over fits it. */
  readonly isHandedOver: boolean;
  readonly notices: readonly string[];
}

/**
 * Runs `lsblk`.
 * @param configured `boot.disk` of the configuration, or an option
 * @param handedOver absent: the image was started by hand
 * @throws {DiskError} "no-device" while the disk that the laptop ran from is not there
 */
export async function findServedDisk(
  system: System,
  configured: string | undefined,
  handedOver: DiskIdentity | undefined,
): Promise<ServedDisk> {
  if (handedOver === undefined) return { path: configured, isHandedOver: false, notices: [] };
  const devices = await listBlockDevices(system);
  const decided = decideServedDisk({
    configured,
    configuredReal: configured === undefined ? undefined : await realDevicePath(system, configured),
    ranFrom: findIdentifiedDisk(devices, handedOver)?.path,
  });
  if (decided !== undefined) return decided;
  throw new DiskError("no-device", `The disk that this laptop ran from is not there: ${describeIdentity(handedOver)}`, {
    hints: devices.filter((device) => device.type === "disk").map(describeDisk),
  });
}

export interface DiskCandidates {
  readonly configured: string | undefined;
  /** The device it is here; undefined when it is not there. */
  readonly configuredReal: string | undefined;
  /** The disk that the laptop's own system ran from; undefined when it is not there. */
  readonly ranFrom: string | undefined;
}

/**
 * The disk that the laptop ran from; but a disk that the configuration names by a name that stays
 * (/dev/disk/by-id/…) is what its owner means. A kernel's name (/dev/sda) is not: in the image it may be another
 * disk's.
 * @returns undefined when the disk is not there
 */
export function decideServedDisk({ configured, configuredReal, ranFrom }: DiskCandidates): ServedDisk | undefined {
  const staysTheSame = configured?.startsWith("/dev/disk/") ?? false;
  if (configured === undefined || configuredReal === ranFrom || !staysTheSame) {
    if (ranFrom === undefined) return undefined;
    const isContradicted = configured !== undefined && configuredReal !== ranFrom;
    const notice =
      `The configuration names "${configured}" as boot.disk, but the laptop ran from "${ranFrom}", which is served`;
    return { path: ranFrom, isHandedOver: true, notices: isContradicted ? [notice] : [] };
  }
  const instead = ranFrom === undefined ? "another disk" : `"${ranFrom}"`;
  const notice =
    `The configuration names "${configured}" as boot.disk, which is served; the laptop ran from ${instead}`;
  return { path: configured, isHandedOver: false, notices: [notice] };
}
