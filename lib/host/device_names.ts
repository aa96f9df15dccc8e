/** What the laptop's settings name that is not there on a desktop, or is a disk of the desktop's own. Pure. */

import { parseKernelCommandLine } from "../protocol/kernel_command_line.ts";
import type { BlockDevice } from "../system/facts.ts";
import { findMount } from "./storage_facts.ts";

/** A device, and the setting that names it. */
export interface NamedDevice {
  /** "root=", "cryptdevice=", "/etc/fstab", "/etc/crypttab" */
  readonly setting: string;
  readonly device: string;
}

export interface DeviceSettings {
  readonly commandLine: string;
  /** Texts of the files; undefined where there is none. */
  readonly fstab: string | undefined;
  readonly crypttab: string | undefined;
}

/**
 * Names that the kernel gives by the kind of disk, and udev by its model or the slot it is in: on a desktop the disk is /dev/nbd0. Those
 * by UUID, label or volume are the same there.
 */
const localName = /^\/dev\/(?:[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|disk\/by-(?:path\/|diskseq\/|id\/(?!dm-|lvm-|md-)))/;

/**
 * Names that hold on the laptop only. What a system starts without ("noauto", "nofail", and swap, which a desktop has none of on this
 * disk) does not count. See fstab(5), crypttab(5), and of mkinitcpio's hook `encrypt` cryptdevice=DEVICE:NAME.
 */
export function findLocalNames({ commandLine, fstab, crypttab }: DeviceSettings): readonly NamedDevice[] {
  const parameters = parseKernelCommandLine(commandLine).flatMap(({ name, value = "" }) => {
    if (name === "root") return [{ setting: "root=", device: value }];
    return name === "cryptdevice" ? [{ setting: "cryptdevice=", device: value.split(":")[0] ?? "" }] : [];
  });
  const mounts = listNeededMounts(fstab).map(({ device }) => ({ setting: "/etc/fstab", device }));
  const containers = readFields(crypttab).flatMap(([, device = "", , options = ""]) =>
    isOptional(options) || options.split(",").includes("swap") ? [] : [{ setting: "/etc/crypttab", device }]
  );
  return [...parameters, ...mounts, ...containers].filter(({ device }) => localName.test(device));
}

/** Whether a desktop is told where the root file system is; ZFS has parameters of its own. */
export function namesRoot(commandLine: string): boolean {
  return parseKernelCommandLine(commandLine).some(({ name }) => ["root", "zfs"].includes(name));
}

/** What has to be mounted from a disk that a desktop does not get. */
export interface MountElsewhere {
  readonly mountPoint: string;
  readonly disk: BlockDevice;
}

/** Of the root file system, and of what the system does not start without. A volume may lie on the served disk and on another one. */
export function findMountsElsewhere(
  { fstab, disks, served }: {
    readonly fstab: string | undefined;
    readonly disks: readonly BlockDevice[];
    readonly served: BlockDevice;
  },
): readonly MountElsewhere[] {
  const mountPoints = new Set(["/", ...listNeededMounts(fstab).map(({ mountPoint }) => mountPoint)]);
  return [...mountPoints].flatMap((mountPoint) =>
    disks.filter((disk) => disk !== served && findMount([disk], mountPoint) !== undefined)
      .map((disk) => ({ mountPoint, disk }))
  );
}

/** Lines of fstab(5) without which the system does not start. */
function listNeededMounts(
  fstab: string | undefined,
): readonly { readonly device: string; readonly mountPoint: string }[] {
  return readFields(fstab).flatMap(([device = "", mountPoint = "", type, options = ""]) =>
    type === "swap" || isOptional(options) ? [] : [{ device, mountPoint: mountPoint.replaceAll("\\040", " ") }]
  );
}

/** Fields of lines that are no comments. */
function readFields(text = ""): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/[ \t]+/));
}

function isOptional(options: string): boolean {
  return options.split(",").some((option) => ["noauto", "nofail"].includes(option));
}
