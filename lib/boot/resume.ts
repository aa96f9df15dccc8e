/**
 * Hibernation into a swap file: its place is named on the kernel command line, and no partition's signature shows it.
 */

import { realDevicePath } from "../system/facts.ts";
import { readBytes } from "../disk/read_bytes.ts";
import type { System } from "../system/system.ts";

/** Where the kernel looks for an image: Documentation/power/swsusp-and-swap-files.rst. */
export interface ResumeTarget {
  /** A device, or a link that udev makes for one. */
  readonly device: string;
  /** In pages. */
  readonly offset: number;
}

const linksByTag: Readonly<Record<string, string>> = {
  UUID: "by-uuid",
  PARTUUID: "by-partuuid",
  LABEL: "by-label",
  PARTLABEL: "by-partlabel",
};

/**
 * @returns undefined when the command line names no swap file; a swap partition needs no offset and is seen by its
 *   signature
 */
export function findResumeTarget(commandLine: string): ResumeTarget | undefined {
  const value = (name: string): string | undefined =>
    commandLine.split(/\s+/).findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const [resume, offset] = [value("resume"), Number(value("resume_offset"))];
  if (resume === undefined || !Number.isSafeInteger(offset) || offset <= 0) return undefined;
  const at = resume.indexOf("=");
  const directory = at === -1 ? undefined : linksByTag[resume.slice(0, at)];
  const device = directory === undefined ? resume : `/dev/disk/${directory}/${resume.slice(at + 1)}`;
  return device.startsWith("/dev/") ? { device, offset } : undefined;
}

/** kernel/power/swap.c: the last ten bytes of a page of 4096. */
const pageBytes = 4096;
const signature = "S1SUSPEND\0";

/**
 * Whether an image is there now. A device that is not (locked, not active) has none that we can see. Runs `lsblk`,
 * `od`.
 */
export async function isHibernatedInFile(system: System, target: ResumeTarget): Promise<boolean> {
  const device = await realDevicePath(system, target.device);
  if (device === undefined) return false;
  const offset = target.offset * pageBytes + pageBytes - signature.length;
  const bytes = await readBytes(system, device, { offset, length: signature.length });
  return new TextDecoder("latin1").decode(bytes) === signature;
}
