/**
 * Boot Loader Specification entries and systemd-boot's `loader.conf`. Pure.
 * Sources: UAPI Group, "Boot Loader Specification" (type 1 entries, sorting, boot counting), loader.conf(5),
 * systemd-boot(7), and what systemd-boot does (src/boot/boot.c of systemd 258).
 */

import { splitCommandLine } from "../../formats/kernel_command_line.ts";
import { compareVersions } from "../../version_order.ts";
import { matchesGlob } from "./glob.ts";

/** A file of `loader/entries`. */
export interface BlsFile {
  readonly fileName: string;
  readonly text: string;
}

export interface BlsEntry {
  readonly title?: string;
  readonly version?: string;
  readonly machineId?: string;
  readonly sortKey?: string;
  readonly linux?: string;
  readonly initrds: readonly string[];
  /** All `options` lines, joined by blanks. */
  readonly options: string;
  /** An EFI program, or a unified kernel image, that the entry starts instead of a kernel. */
  readonly efi?: string;
  readonly devicetree?: string;
  /** Why systemd-boot does not list the entry: for another processor, or it contradicts itself. */
  readonly isIgnored?: boolean;
}

/** systemd-boot's name of the processor we boot on. */
const architecture = "x64";

/** Keys that say what an entry starts; an entry with two of them is no entry. */
const starters = ["linux", "efi", "uki", "uki-url"] as const;

export function parseBlsEntry(text: string): BlsEntry {
  const fields = readFields(text);
  const last = (key: string): string | undefined => fields.get(key)?.at(-1);
  const filled = {
    title: last("title"),
    version: last("version"),
    machineId: last("machine-id")?.toLowerCase(),
    sortKey: last("sort-key"),
    linux: toPath(last("linux")),
    efi: toPath(last("uki") ?? last("efi")),
    devicetree: toPath(last("devicetree")),
  };
  const isForOthers = (fields.get("architecture") ?? []).some((value) => value.toLowerCase() !== architecture);
  return {
    ...Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined)),
    ...isForOthers || starters.filter((key) => fields.has(key)).length > 1 ? { isIgnored: true } : {},
    initrds: (fields.get("initrd") ?? []).map((path) => toPath(path) ?? ""),
    options: (fields.get("options") ?? []).join(" "),
  };
}

/** `key value` lines as systemd-boot splits them; "#" starts a comment line. */
function readFields(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  for (const line of text.split(/[\r\n]/)) {
    const match = /^[ \t]*([^\s#][^ \t]*)[ \t]+(.*?)[ \t]*$/.exec(line);
    if (match === null) continue;
    const [, key = "", value = ""] = match;
    if (value === "") continue;
    // A value in quotes loses them, when the whole of it is in them.
    fields.set(key, [...fields.get(key) ?? [], /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value]);
  }
  return fields;
}

/** Entries may name files with the firmware's backslashes, or with several of either kind in a row. */
function toPath<T extends string | undefined>(path: T): T {
  return path?.replaceAll(/[\\/]+/g, "/") as T;
}

/**
 * Whether systemd-boot reads a file of `loader/entries` (`valid_type1_filename`). Hidden names and "auto-" are its
 * own.
 */
export function isEntryFileName(name: string): boolean {
  return /\.conf$/i.test(name) && !/^(?:\.|auto-)/i.test(name);
}

/** What decides an entry's place in the menu. */
export interface SortFields {
  readonly sortKey?: string;
  readonly machineId?: string;
  readonly version?: string;
  /** File name in lower case, without boot counting. `default` patterns match it, or the name with the counters. */
  readonly id: string;
  readonly fileName?: string;
  /** Boot counting: tries left, and done; absent where the file's name has none. */
  readonly tries?: { readonly left: number; readonly done: number };
}

/** Splits off boot counting: NAME+LEFT-DONE.conf, NAME+LEFT.conf. */
export function parseEntryName(fileName: string): Pick<SortFields, "id" | "fileName" | "tries"> {
  const match = /^(.*)\+(\d{1,9})(?:-(\d{1,9}))?(\.(?:conf|efi))$/i.exec(fileName);
  if (match === null) return { id: fileName.toLowerCase() };
  const [, stem = "", left, done = "0", suffix = ""] = match;
  return {
    id: (stem + suffix).toLowerCase(),
    fileName: fileName.toLowerCase(),
    tries: { left: Number(left), done: Number(done) },
  };
}

/** Boot Loader Specification, "Sorting": an entry without tries left comes last. */
function compareEntries(a: SortFields, b: SortFields): number {
  const [isBadA, isBadB] = [a.tries?.left === 0, b.tries?.left === 0];
  if (isBadA !== isBadB) return isBadA ? 1 : -1;
  if ((a.sortKey === undefined) !== (b.sortKey === undefined)) return a.sortKey === undefined ? 1 : -1;
  if (a.sortKey !== undefined && b.sortKey !== undefined) {
    const order = compareText(a.sortKey, b.sortKey) || compareText(a.machineId ?? "", b.machineId ?? "") ||
      compareVersions(b.version ?? "", a.version ?? "");
    if (order !== 0) return order;
  }
  const order = compareVersions(b.id, a.id);
  if (order !== 0 || a.tries === undefined || b.tries === undefined) return order;
  return b.tries.left - a.tries.left || a.tries.done - b.tries.done;
}

export interface Ordered<T> {
  /** The entry that systemd-boot starts without a choice of the user, then the others in the menu's order. */
  readonly entries: readonly T[];
  /** Settings of loader.conf that could not be followed. */
  readonly notices: readonly string[];
}

/** The menu's entries, the default one first. */
export function orderEntries<T extends SortFields>(entries: readonly T[], loaderConf = ""): Ordered<T> {
  const sorted = entries.toSorted(compareEntries);
  const settings = readFields(loaderConf);
  const notices: string[] = [];
  for (const key of ["preferred", "default"]) {
    // systemd-boot knows "@saved" only, and passes over the others.
    const wish = settings.get(key)?.findLast((value) => !value.startsWith("@") || value.toLowerCase() === "@saved");
    if (wish === undefined) continue;
    if (wish.startsWith("@")) {
      notices.push(`loader.conf has "${key} ${wish}", which is kept in the firmware; the first entry is taken`);
      continue;
    }
    // Patterns from before systemd 251 had no ".conf".
    const matching = sorted.filter(({ id, fileName = id }) =>
      matchesGlob(wish, id) || matchesGlob(wish, fileName) || matchesGlob(`${wish}.conf`, id)
    );
    if (matching.length > 0) {
      return { entries: [...matching, ...sorted.filter((entry) => !matching.includes(entry))], notices };
    }
    notices.push(`loader.conf has "${key} ${wish}", which matches no entry; the first one is taken`);
  }
  return { entries: sorted, notices };
}

/**
 * The words of a kernel command line, with the initramfs files that it names for the kernel's EFI loader taken out.
 */
export function splitOptions(options: string): { readonly commandLine: string; readonly initrds: readonly string[] } {
  const words = splitCommandLine(options);
  const isInitrd = (word: string): boolean => word.startsWith("initrd=");
  return {
    commandLine: words.filter((word) => !isInitrd(word)).join(" "),
    initrds: words.filter(isInitrd).map((word) => toPath(word.slice("initrd=".length))),
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
