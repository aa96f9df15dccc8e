/** Why a block device must not become the stick, from what lsblk(8) says about it. Pure. */

import { formatBytes } from "../format_bytes.ts";
import type { BlockDevice } from "../system/facts.ts";

export type RefusalCode =
  | "partition"
  | "no-disk"
  | "no-medium"
  | "read-only"
  | "too-small"
  | "system"
  | "mounted"
  | "swap"
  | "held"
  | "member";

export interface Refusal {
  readonly code: RefusalCode;
  /** Follows the device's name: 'is in use: …'. */
  readonly reason: string;
  /** A concrete next step. */
  readonly cure: string;
}

export interface RefusalContext {
  /** All devices of the machine: a file system may lie on several. */
  readonly devices: readonly BlockDevice[];
  /** What the stick takes. */
  readonly neededBytes: number;
}

/** A device and everything on top of it, itself first. */
export function flatten(device: BlockDevice): readonly BlockDevice[] {
  return [device, ...device.children.flatMap(flatten)];
}

/** Everything that stands against writing to a device, the strongest first; empty for a candidate. */
export function findRefusals(device: BlockDevice, context: RefusalContext): readonly Refusal[] {
  const kind = refuseKind(device, context.devices);
  if (kind !== undefined) return [kind];
  if (device.sizeBytes === 0) return [noMedium];
  const parts = flatten(device);
  // No question should lead a user step by step to giving up the disk that runs the computer.
  const system = refuseSystem(parts);
  if (system !== undefined) return [system];
  const uses = [
    ...parts.flatMap(refuseMounts),
    // What lies on top is given up first.
    ...parts.filter((part) => part !== device && part.type !== "part").map(refuseHolder).toReversed(),
    // What is held or in use is that before it is a member.
    ...parts.filter((part) => (part === device || part.type === "part") && !isUsed(part))
      .flatMap((part) => refuseMember(part, device) ?? []),
  ];
  return [
    ...uses.filter(({ reason }, index) => uses.findIndex((other) => other.reason === reason) === index),
    ...parts.some(({ isReadOnly }) => isReadOnly) ? [readOnly(device, parts)] : [],
    ...device.sizeBytes < context.neededBytes ? [tooSmall(device, context.neededBytes)] : [],
  ];
}

function isUsed({ mountPoints, children }: BlockDevice): boolean {
  return mountPoints.length > 0 || children.some(({ type }) => type !== "part");
}

// ---- what the device is
// ----------------------------------------------------------------------------------------------

const anotherDevice = "Choose another device";

/** Kernel names of block devices that are no disks of their own, although lsblk(8) calls most of them "disk". */
const virtualNames: readonly (readonly [RegExp, string])[] = [
  [/^z?ram\d/, "is memory of this computer"],
  [/^loop\d/, "is a loop device: it shows a file as a device"],
  [/^nbd\d/, "is a disk of another computer (NBD)"],
  [/^rbd\d/, "is a disk of a Ceph cluster (RBD)"],
  [/^drbd\d/, "is mirrored to another computer (DRBD)"],
  [/^zd\d/, "is a volume of a ZFS pool"],
  [/^bcache\d/, "is made of other devices (bcache)"],
  [/^md[\d_]/, "is made of other devices (RAID)"],
  [/^dm-\d/, "is made of other devices (device mapper)"],
  [/^sr\d/, "is a CD or DVD drive"],
  [/^fd\d/, "is a floppy disk drive"],
  [/^mtdblock\d/, "is flash memory of the mainboard"],
  [/^pmem\d/, "is memory of this computer"],
  [/^mmcblk\d+boot\d/, "is the boot area of built-in memory (eMMC)"],
  [/^mmcblk\d+(?:rpmb|gp\d)/, "is a special area of built-in memory (eMMC)"],
];

function refuseKind(device: BlockDevice, devices: readonly BlockDevice[]): Refusal | undefined {
  if (device.type === "part") {
    const disk = devices.find((other) => other !== device && flatten(other).some(({ path }) => path === device.path));
    return {
      code: "partition",
      reason: `is a partition${disk === undefined ? "" : ` of ${disk.path}`}, not a whole device`,
      cure: disk === undefined ? "Name the whole device" : `Name the whole device: ${disk.path}`,
    };
  }
  const names = [device.name, device.path.slice(device.path.lastIndexOf("/") + 1)];
  const virtual = virtualNames.find(([pattern]) => names.some((name) => pattern.test(name)));
  if (virtual !== undefined) {
    const cure = device.type === "loop" ? "--image FILE writes an image file" : anotherDevice;
    return { code: "no-disk", reason: virtual[1], cure };
  }
  if (device.type === "disk") {
    const { logicalSectorBytes: sector } = device;
    return sector === 512 || sector === 4096 ? undefined : {
      code: "no-disk",
      reason: `has sectors of ${sector} bytes, of which no PC starts`,
      cure: anotherDevice,
    };
  }
  return { code: "no-disk", reason: `is no disk of its own, but of type "${device.type}"`, cure: anotherDevice };
}

const noMedium: Refusal = {
  code: "no-medium",
  reason: "has no medium in it",
  cure: "Put a card into the reader, or take the stick out and plug it in again",
};

function readOnly(device: BlockDevice, parts: readonly BlockDevice[]): Refusal {
  const locked = device.isReadOnly ? device : parts.find(({ isReadOnly }) => isReadOnly) ?? device;
  return {
    code: "read-only",
    reason: locked === device ? "cannot be written to" : `has a part that cannot be written to: ${locked.path}`,
    cure:
      "Move the lock on the side of the card or stick; without one: sticks at the end of their life lock themselves, take another",
  };
}

function tooSmall(device: BlockDevice, neededBytes: number): Refusal {
  return {
    code: "too-small",
    reason: `is too small: has ${formatBytes(device.sizeBytes)}, the stick takes ${formatBytes(neededBytes)}`,
    cure: "Take a larger one",
  };
}

// ---- what it is used for now
// -----------------------------------------------------------------------------------------

/** Where a running system has its own files; the last ones are media that live systems start from. */
const systemPlaces: readonly RegExp[] = [
  /^\/$/,
  /^\/(?:usr|boot|efi|nix|sysroot|ostree)(?:\/|$)/,
  /^\/(?:home|var|etc|opt|srv|root)$/,
  /^\/(?:cdrom|isodevice|iso)$/,
  /^\/(?:usr\/)?(?:run|lib)\/(?:live|initramfs|archiso|miso|overlay|rootfsbase)\//,
];

function refuseSystem(parts: readonly BlockDevice[]): Refusal | undefined {
  const uses = parts.flatMap(({ path, mountPoints }) => mountPoints.map((point) => ({ path, point })))
    .filter(({ point }) => systemPlaces.some((place) => place.test(point)));
  const [first] = uses;
  if (first === undefined) return undefined;
  const { path, point } = uses.find((use) => use.point === "/") ?? first;
  return {
    code: "system",
    reason: `carries the running system: "${point}" is on ${path}`,
    cure: anotherDevice,
  };
}

function refuseMounts({ path, mountPoints }: BlockDevice): readonly Refusal[] {
  return mountPoints.map((point) =>
    point === "[SWAP]"
      ? { code: "swap", reason: `is in use as swap: ${path}`, cure: `sudo swapoff ${path}` } as const
      : { code: "mounted", reason: `is mounted: ${path} at "${point}"`, cure: `sudo umount ${path}` } as const
  );
}

const quote = (name: string): string => /^[\w.+-]+$/.test(name) ? name : `"${name}"`;

/** How what lsblk(8) shows on top of a disk is ended. */
function refuseHolder({ path, type, name }: BlockDevice): Refusal {
  const [what, cure] = /^raid|^md$|^linear$|^container$/.test(type)
    ? [`a RAID (${type})`, `sudo mdadm --stop ${path}`]
    : type === "lvm"
    ? [
      "a volume of LVM",
      `sudo vgchange --activate n ${quote(name.replaceAll("--", "\0").split("-")[0]?.replaceAll("\0", "-") ?? "")}`,
    ]
    : type === "crypt"
    ? ["opened encryption", `sudo cryptsetup close ${quote(name)}`]
    : name.startsWith("bcache")
    ? ["bcache", `echo 1 | sudo tee /sys/block/${name}/bcache/stop`]
    : type === "mpath"
    ? ["several paths to one disk (multipath)", anotherDevice]
    : [`a device of type "${type}"`, /^dm/.test(type) ? `sudo dmsetup remove ${quote(name)}` : anotherDevice];
  return { code: "held", reason: `is part of ${what}: ${path} lies on it`, cure };
}

// ---- what it belongs to, also when that is not in use now
// -------------------------------------------------------------

/** As libblkid names them. */
const memberTypes: readonly (readonly [RegExp, string])[] = [
  [/^lvm[12]_member$/i, "of LVM"],
  [/_raid_member$|^(?:ddf|isw|sil|via|nvidia|promise|adaptec|highpoint|jmicron|lsi)\w*raid/i, "of a RAID"],
  [/^zfs_member$/, "of a ZFS pool"],
  [/^btrfs$/, "of btrfs, which may span several devices"],
  [/^bcachefs$/, "of bcachefs, which may span several devices"],
  [/^bcache$/, "of bcache"],
  [/^crypto_LUKS$/i, "an encrypted container (LUKS, dm-crypt)"],
  [/^mpath_member$/, "of a disk with several paths (multipath)"],
  [/^drbd$/, "of DRBD"],
  [/^ceph_bluestore$/, "of a Ceph cluster"],
  [/^stratis$/, "of a Stratis pool"],
  [/^vdo$/i, "of VDO"],
  [/^vmfs/i, "of VMware's file system"],
  [/^dm_/i, "of the device mapper"],
  [/^(?:jbd|xfs_external_log)$/, "the journal of a file system on another device"],
  [/^swsuspend$/, "a hibernated system"],
  [/^swap$/, "swap"],
];

/**
 * Types of partitions, for members whose signature is not seen: GPT and MBR (util-linux, include/pt-gpt-partnames.h,
 * pt-mbr-partnames.h).
 */
const memberPartitions: Readonly<Record<string, string>> = {
  "e6d6d379-f507-44c2-a23c-238f2a3df928": "of LVM",
  "0x8e": "of LVM",
  "a19d880f-05fc-4d3b-a006-743f0f84911e": "of a RAID",
  "0xfd": "of a RAID",
  "6a898cc3-1dd2-11b2-99a6-080020736631": "of a ZFS pool",
  "0xbf": "of a ZFS pool",
  "ca7d7ccb-63ed-4c53-861c-1742536059cc": "an encrypted container (LUKS, dm-crypt)",
  "0xe8": "an encrypted container (LUKS, dm-crypt)",
};

function refuseMember({ path, fsType, partType, label }: BlockDevice, disk: BlockDevice): Refusal | undefined {
  const what = memberTypes.find(([pattern]) => fsType !== undefined && pattern.test(fsType))?.[1] ??
    (fsType === undefined && partType !== undefined ? memberPartitions[partType] : undefined);
  if (what === undefined) return undefined;
  const isPart = what.startsWith("of ");
  const name = label === undefined ? "" : ` ("${label}")`;
  return {
    code: what === "swap" ? "swap" : "member",
    reason: `${isPart ? `is part ${what}` : `holds ${what}`}: ${path}${name}`,
    // A partition keeps its type.
    cure: `If that is not needed any more: sudo wipefs --all ${fsType === undefined ? disk.path : path}`,
  };
}
