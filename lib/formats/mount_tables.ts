/** Lines of fstab(5) and crypttab(5). Pure. */

/** A line of fstab(5). */
export interface Mount {
  /** As it stands there, without quotes: "UUID=…", "/dev/sda2". */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  /** Separated by commas. */
  readonly options: string;
}

export function listMounts(fstab: string | undefined): readonly Mount[] {
  return readFields(fstab).map(([device = "", mountPoint = "", type = "", options = ""]) => ({
    device: unescape(device),
    mountPoint: unescape(mountPoint).replace(/(?<=.)\/+$/, ""),
    type,
    options,
  }));
}

/** Those without which the system does not start. */
export function listNeededMounts(fstab: string | undefined): readonly Mount[] {
  return listMounts(fstab).filter(({ type, options }) => type !== "swap" && !isOptional(options));
}

export function findMountOf(mountPoint: string, fstab: string | undefined): Mount | undefined {
  return listMounts(fstab).find((mount) => mount.mountPoint === mountPoint);
}

/** What a device is called by: the UUID or label of its file system; empty for one that is called otherwise. */
export function nameOf({ device }: Pick<Mount, "device">): { readonly uuid?: string; readonly label?: string } {
  const match = /^(UUID|LABEL)=(.+)$/.exec(device) ?? /^\/dev\/disk\/by-(uuid|label)\/(.+)$/.exec(device);
  if (match === null) return {};
  const [, kind = "", value = ""] = match;
  return kind.toUpperCase() === "UUID" ? { uuid: value } : { label: value };
}

/**
 * Whether two names, of fstab or of `root=` on a kernel command line, are spellings of one: a link in /dev/disk for
 * UUID= and the like, any case of a UUID, a logical volume by its group's directory.
 */
export function sameDevice(one: string, other: string): boolean {
  return normalizeDevice(one) === normalizeDevice(other);
}

/** Whether two such names cannot mean one device: UUIDs of one kind that differ. */
export function areOtherDevices(one: string, other: string): boolean {
  const [left, right] = [normalizeDevice(one), normalizeDevice(other)];
  const kindOf = (device: string): string | undefined => /^(?:PART)?UUID(?==)/.exec(device)?.[0];
  return left !== right && kindOf(left) !== undefined && kindOf(left) === kindOf(right);
}

function normalizeDevice(device: string): string {
  const [, kind, value = ""] = /^\/dev\/disk\/by-((?:part)?(?:uuid|label))\/(.+)$/.exec(device) ??
    /^((?:PART)?(?:UUID|LABEL))=(.+)$/.exec(device) ?? [];
  if (kind !== undefined) return `${kind.toUpperCase()}=${/uuid/i.test(kind) ? value.toLowerCase() : value}`;
  // lvm(8), "VALID NAMES": a dash in a name is doubled in /dev/mapper.
  const [, group = "", volume = ""] = /^\/dev\/(?!mapper\/|disk\/)([^/]+)\/([^/]+)$/.exec(device) ?? [];
  const double = (name: string): string => name.replaceAll("-", "--");
  return volume === "" ? device : `/dev/mapper/${double(group)}-${double(volume)}`;
}

/** The subvolume, from the top of a btrfs: "/@"; undefined where the options name none. */
export function subvolumeOf({ options }: Pick<Mount, "options">): string | undefined {
  const subvolume = /(?:^|,)subvol=\/?([^,]+)/.exec(options)?.[1];
  return subvolume === undefined ? undefined : `/${subvolume}`;
}

/** A line of crypttab(5). */
export interface Container {
  readonly name: string;
  readonly device: string;
  /** A file, a device, `FILE:DEVICE`, "none", "-" or nothing. */
  readonly key: string;
  readonly options: string;
}

export function listContainers(crypttab: string | undefined): readonly Container[] {
  return readFields(crypttab).map(([name = "", device = "", key = "", options = ""]) => ({
    name,
    device,
    key,
    options,
  }));
}

export function hasOption(options: string, name: string): boolean {
  return options.split(",").includes(name);
}

/** Whether the system starts without the line. */
export function isOptional(options: string): boolean {
  return hasOption(options, "noauto") || hasOption(options, "nofail");
}

/** Fields of lines that are no comments, without quotes around them. */
function readFields(text = ""): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/).map((field) => field.replaceAll('"', "")));
}

/** Blanks and backslashes in names are octal numbers in fstab(5), as getmntent(3) reads them. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
