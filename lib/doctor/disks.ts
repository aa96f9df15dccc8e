/** The disk that a desktop gets, and what lies elsewhere. */

import { listMounts } from "../formats/mount_tables.ts";
import { flattenDevices, type StorageFacts } from "../host/storage_facts.ts";
import { laptopRecordPath } from "../initramfs/separate_initramfs.ts";
import type { BlockDevice } from "../system/facts.ts";
import { type Check, type CheckOf, error, ok, runChecks, unknown, type Verdict, warning } from "./check.ts";
import type { ConfiguredDisk } from "./configured_disk.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { findMountsElsewhere, type MountElsewhere } from "./device_names.ts";

export interface DiskFacts {
  readonly disk: ConfiguredDisk | undefined;
  readonly storage: StorageFacts;
  /**
   * What has to be mounted and is not on the disk that is served; undefined where it is not known which one that is.
   */
  readonly mountsElsewhere: readonly MountElsewhere[] | undefined;
  /** EFI system partitions of that disk that no line of fstab and no mount unit mounts; undefined as above. */
  readonly looseEsps: readonly BlockDevice[] | undefined;
}

export async function examineDisks(context: DoctorContext): Promise<readonly Check[]> {
  const { tree, host, storage, disk, served } = context;
  const fstab = await tree.readText("/etc/fstab");
  const laptopRecord = await unlessRefused(tree.readText(laptopRecordPath), undefined);
  return runChecks(diskChecks, {
    disk,
    storage,
    mountsElsewhere: served && findMountsElsewhere({ fstab, disks: storage.disks, served, prefix: tree.prefix }),
    looseEsps: served &&
      findLooseEsps(served, { fstab, laptopRecord, hasSystemd: host.hasSystemd, prefix: tree.prefix }),
  });
}

export const diskChecks: readonly CheckOf<DiskFacts>[] = [
  ["disk", checkDisk],
  ["other disks", checkOtherDisks],
  ["EFI system partition", checkEsp],
];

function checkDisk({ disk, storage }: DiskFacts): Verdict {
  const rootDisk = storage.root?.devices[0];
  if (disk === undefined) {
    return rootDisk === undefined
      ? warning("not configured, and / lies on no disk", "Set boot.disk in config.yaml")
      : ok(`not configured: the server takes the one it finds (here ${rootDisk.path})`);
  }
  if (disk.found === undefined) {
    return error(`${disk.path} is not there`, "Correct boot.disk in config.yaml; init finds the name");
  }
  if (disk.found.type !== "disk") {
    return error(
      `${disk.path} is no whole disk but a ${disk.found.type}`,
      "Set boot.disk in config.yaml to the disk it lies on",
    );
  }
  if (rootDisk !== undefined && rootDisk.path !== disk.found.path) {
    return warning(`${disk.path} is not the disk of /`, "Is that what you want? A desktop boots what is on boot.disk");
  }
  return ok(disk.path);
}

function checkOtherDisks({ mountsElsewhere }: DiskFacts): Verdict {
  if (mountsElsewhere === undefined) {
    return unknown("not checked: doctor does not know which disk a desktop gets", "Set boot.disk in config.yaml");
  }
  const [first] = mountsElsewhere;
  if (first === undefined) return ok("none is needed");
  const { mountPoint, disk: { path } } = first;
  return mountPoint === "/"
    ? error(`the system is on ${path}, too: a desktop gets one disk`, "Move it to one disk")
    : warning(
      `${mountPoint} is on ${path}: a desktop gets one disk, and does not start without`,
      'Add "nofail" to its line in /etc/fstab',
    );
}

/**
 * A desktop mounts what fstab says; systemd's generator mounts the ESP that the firmware started from, which kexec
 * leaves out.
 */
function checkEsp({ looseEsps }: DiskFacts): Verdict {
  if (looseEsps === undefined) {
    return unknown("not checked: doctor does not know which disk a desktop gets", "Set boot.disk in config.yaml");
  }
  const [first] = looseEsps;
  if (first === undefined) return ok("none, or mounted on a desktop, too");
  return warning(
    `${first.path} is not in /etc/fstab: a kernel that is installed on a desktop lands beside it`,
    `Add a line to /etc/fstab: UUID=${first.uuid ?? "…"} ${mountPointOf(first)} vfat umask=0077,nofail 0 2`,
  );
}

/** GPT type of an EFI system partition (UEFI specification 2.10, 5.3.3), and that of an MBR. */
const espTypes = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef"];

function mountPointOf({ mountPoints }: BlockDevice): string {
  return mountPoints.find((point) => point.startsWith("/")) ?? "/boot/efi";
}

/** What tells how an EFI system partition gets mounted on a desktop. */
export interface EspSettings {
  readonly fstab: string | undefined;
  /**
   * What stiefel-laptop has written down (image/host/generic): our systemd generator mounts its lines MOUNT= on a
   * desktop.
   */
  readonly laptopRecord: string | undefined;
  readonly hasSystemd: boolean;
  /** Where the system is mounted; "" for the running one. */
  readonly prefix?: string;
}

/**
 * EFI system partitions that are mounted now, by systemd-gpt-auto-generator(8) or by hand, and not on a desktop.
 * @param served the disk that a desktop gets
 */
export function findLooseEsps(
  served: BlockDevice,
  { fstab = "", laptopRecord = "", hasSystemd, prefix = "" }: EspSettings,
): readonly BlockDevice[] {
  const recorded = [...laptopRecord.matchAll(/^MOUNT=(\S+) /gm)].map(([, point]) => `${prefix}${point}`);
  const isRecorded = ({ mountPoints }: BlockDevice): boolean =>
    hasSystemd && mountPoints.some((point) => recorded.includes(point));
  const mounts = listMounts(fstab);
  const inFstab = (device: BlockDevice): boolean => {
    const names = [device.path, `UUID=${device.uuid}`, `PARTUUID=${device.partUuid}`, `LABEL=${device.label}`];
    return mounts.some((mount) =>
      names.includes(mount.device) || device.mountPoints.includes(`${prefix}${mount.mountPoint}`)
    );
  };
  return flattenDevices([served]).filter((device) =>
    device.partType !== undefined && espTypes.includes(device.partType) && device.mountPoints.length > 0 &&
    !inFstab(device) && !isRecorded(device)
  );
}
