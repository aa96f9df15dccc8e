/** Lines of fstab(5) and crypttab(5). Pure. */

/** A line of fstab(5) without which the system does not start. */
export interface NeededMount {
  readonly device: string;
  readonly mountPoint: string;
}

export function listNeededMounts(fstab: string | undefined): readonly NeededMount[] {
  return readFields(fstab).flatMap(([device = "", mountPoint = "", type, options = ""]) =>
    type === "swap" || isOptional(options) ? [] : [{ device, mountPoint: mountPoint.replaceAll("\\040", " ") }]
  );
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

/** Fields of lines that are no comments, without quotes around them. */
export function readFields(text = ""): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/[ \t]+/).map((field) => field.replaceAll('"', "")));
}

export function isOptional(options: string): boolean {
  return options.split(",").some((option) => ["noauto", "nofail"].includes(option));
}
