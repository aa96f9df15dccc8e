/** What the laptop's settings name that is not there on a desktop, or is a disk of the desktop's own. Pure. */

import { parseKernelCommandLine } from "../formats/kernel_command_line.ts";
import type { BlockDevice } from "../system/facts.ts";
import { findMount } from "../host/storage_facts.ts";
import { hasOption, isOptional, listContainers, listMounts, listNeededMounts } from "../formats/mount_tables.ts";

/** A device, and the setting that names it. */
export interface NamedDevice {
  /** "root=", "cryptdevice=", "/etc/fstab", "/etc/crypttab" */
  readonly setting: string;
  readonly device: string;
}

export interface DeviceSettings {
  readonly commandLine: string;
  /** Texts of the files; undefined for a missing file. */
  readonly fstab: string | undefined;
  /** /etc/crypttab and /etc/crypttab.initramfs (of mkinitcpio), one after the other. */
  readonly crypttab: string | undefined;
}

/**
 * Names that the kernel gives by the kind of disk, and udev by its model or the slot it is in: on a desktop the disk
 * is another one. Those by UUID, label or volume are the same there.
 */
const localName =
  /^(?:\/dev\/(?:[shv]d[a-z]|xvd[a-z]|nvme\d|mmcblk\d|disk\/by-(?:path\/|diskseq\/|id\/(?!dm-|lvm-|md-)))|ID=(?!dm-|lvm-|md-))/;

/** Labels, which people and installers choose, on whatever machine. */
const label = /^(?:(?:PART)?LABEL=|\/dev\/disk\/by-(?:part)?label\/)/;

/** What installers call a volume group: after the distribution, a usual host name, or what manuals have. */
const installersGroup = new RegExp(
  [
    "^(?:(?:debian|ubuntu|kali|mint|pop-os|localhost|linux)-vg(?:-\\d+)?", // Debian and its kin: HOST-vg
    "(?:fedora|rhel|centos|rocky|almalinux|ol|cl)(?:_[\\w.-]+)?", // Anaconda
    "system|data|vgmint|vgubuntu|vgkubuntu|vgxubuntu", // YaST; Pop!_OS; Ubiquity
    "vg[-_]?\\d*|vg_?(?:root|system|main)|lvm|ArchinstallVg|MyVolGroup|volgroup\\d*)$", // Calamares, archinstall, manuals
  ].join("|"),
  "i",
);

/** A name that holds on the laptop only. */
export function isLocalName(device: string): boolean {
  return localName.test(device);
}

/** A name that a desktop with an installation of its own may have, too. */
export function isCommonName(device: string): boolean {
  const group = findVolumeGroup(device);
  return label.test(device) || (group !== undefined && installersGroup.test(group));
}

/**
 * The volume group of /dev/mapper/GROUP-VOLUME or /dev/GROUP/VOLUME; a "-" in names is doubled in the first form
 * (lvm(8)).
 */
export function findVolumeGroup(device: string): string | undefined {
  const mapped = /^\/dev\/mapper\/((?:[^-]|--)+)-(?!-)./.exec(device)?.[1]?.replaceAll("--", "-");
  return mapped ?? /^\/dev\/(?!disk\/|mapper\/|md\/|zvol\/)([\w.+-]+)\/[\w.+-]+$/.exec(device)?.[1];
}

/**
 * Every device that a desktop has to find under its name. What a system starts without ("noauto", "nofail", and swap,
 * which a desktop has none of on this disk) does not count. See fstab(5), crypttab(5), and of mkinitcpio's hook
 * `encrypt` cryptdevice=DEVICE:NAME.
 */
export function listNamedDevices({ commandLine, fstab, crypttab }: DeviceSettings): readonly NamedDevice[] {
  const parameters = parseKernelCommandLine(commandLine).flatMap(({ name, value = "" }) => {
    if (name === "root") return [{ setting: "root=", device: value }];
    return name === "cryptdevice" ? [{ setting: "cryptdevice=", device: value.split(":")[0] ?? "" }] : [];
  });
  const mounts = listNeededMounts(fstab).map(({ device }) => ({ setting: "/etc/fstab", device }));
  const containers = listContainers(crypttab).flatMap(({ device, options }) =>
    isOptional(options) || isFormatted(options) ? [] : [{ setting: "/etc/crypttab", device }]
  );
  return [...parameters, ...mounts, ...containers];
}

/**
 * Devices that systemd formats at each start without a question: lines of crypttab(5) with "swap" or "tmp", lines of
 * fstab(5) with "x-systemd.makefs". A name that is another device on a desktop costs the data on that. Names by UUID
 * are left out.
 */
export function findFormattedDevices(
  { fstab, crypttab }: Omit<DeviceSettings, "commandLine">,
): readonly NamedDevice[] {
  const containers = listContainers(crypttab).filter(({ options }) =>
    isFormatted(options) && !hasOption(options, "noauto")
  );
  const fileSystems = listMounts(fstab).filter(({ options }) => hasOption(options, "x-systemd.makefs"));
  return [
    ...containers.map(({ device }) => ({ setting: "/etc/crypttab", device })),
    ...fileSystems.map(({ device }) => ({ setting: "/etc/fstab", device })),
  ].filter(({ device }) => isLocalName(device) || isCommonName(device));
}

function isFormatted(options: string): boolean {
  return options.split(",").some((option) => /^(?:swap|tmp(?:=.*)?)$/.test(option));
}

/** Whether the command line tells a desktop where the root file system is; ZFS has parameters of its own. */
export function namesRoot(commandLine: string): boolean {
  return parseKernelCommandLine(commandLine).some(({ name }) => ["root", "zfs"].includes(name));
}

/** What has to be mounted from a disk that a desktop does not get. */
export interface MountElsewhere {
  readonly mountPoint: string;
  readonly disk: BlockDevice;
}

/**
 * Finds mounts on other disks than the served one: of the root file system, and of file systems that the system does
 * not start without. A volume may lie on the served disk and on another one.
 */
export function findMountsElsewhere(
  { fstab, disks, served, prefix = "" }: {
    readonly fstab: string | undefined;
    readonly disks: readonly BlockDevice[];
    readonly served: BlockDevice;
    /** Where the system is mounted; "" for the running one. */
    readonly prefix?: string;
  },
): readonly MountElsewhere[] {
  const mountPoints = new Set(["/", ...listNeededMounts(fstab).map(({ mountPoint }) => mountPoint)]);
  return [...mountPoints].flatMap((mountPoint) =>
    disks.filter((disk) => disk !== served && findMount([disk], placeIn(prefix, mountPoint)) !== undefined)
      .map((disk) => ({ mountPoint, disk }))
  );
}

/** Where a mount point of the system that is mounted below `prefix` is now. */
function placeIn(prefix: string, mountPoint: string): string {
  return mountPoint === "/" ? prefix || "/" : `${prefix}${mountPoint}`;
}
