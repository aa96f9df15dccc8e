/**
 * Boot Loader Specification entries and systemd-boot's `loader.conf`. Pure.
 * Sources: UAPI Group, "Boot Loader Specification" (type 1 entries, sorting, boot counting), loader.conf(5), systemd-boot(7).
 */

import { compareVersions } from "../../version_order.ts";
import type { NamedEntry } from "./entry.ts";
import { isRecovery } from "./recovery.ts";

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
  /** Of entries that start an EFI program instead of a kernel. */
  readonly efi?: string;
  /** Lower case: "x64", "aa64", … */
  readonly architecture?: string;
}

interface ListedEntry extends BlsEntry {
  /** File name without boot counting: what `default` patterns match. */
  readonly id: string;
  /** All tries are used up: the spec wants it at the end. */
  readonly isBad: boolean;
}

export function parseBlsEntry(text: string): BlsEntry {
  const fields = readFields(text);
  const last = (key: string): string | undefined => fields.get(key)?.at(-1);
  const filled = {
    title: last("title"),
    version: last("version"),
    machineId: last("machine-id")?.toLowerCase(),
    sortKey: last("sort-key"),
    linux: last("linux"),
    efi: last("efi"),
    architecture: last("architecture")?.toLowerCase(),
  };
  return {
    ...Object.fromEntries(Object.entries(filled).filter(([, value]) => value !== undefined)),
    initrds: fields.get("initrd") ?? [],
    options: (fields.get("options") ?? []).join(" "),
  };
}

/** `key value` lines; "#" starts a comment line. */
function readFields(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([A-Za-z0-9-]+)[ \t]+(.*\S)\s*$/.exec(line);
    if (match === null) continue;
    const [, key = "", value = ""] = match;
    fields.set(key, [...fields.get(key) ?? [], value]);
  }
  return fields;
}

export interface BlsInput {
  readonly entries: readonly BlsFile[];
  /** Text of `loader.conf`, if there is one. */
  readonly loaderConf?: string | undefined;
}

/**
 * The entry systemd-boot would start, or the first usable one behind it.
 * @returns undefined when no entry starts a Linux kernel for x86_64
 */
export function chooseBlsEntry({ entries, loaderConf = "" }: BlsInput): NamedEntry | undefined {
  const listed = entries.map(list).toSorted(compareEntries);
  const usable = listed.filter((entry) => entry.linux !== undefined && (entry.architecture ?? "x64") === "x64");
  const settings = readFields(loaderConf);
  const notices: string[] = [];
  for (const key of ["preferred", "default"]) {
    const wish = settings.get(key)?.at(-1);
    if (wish === undefined) continue;
    if (wish.startsWith("@")) {
      notices.push(`loader.conf has "${key} ${wish}", which is kept in the firmware; the first entry is taken`);
      continue;
    }
    const matching = listed.filter((entry) => matchesGlob(wish, entry.id));
    const chosen = matching.find((entry) => isNormal(entry) && usable.includes(entry));
    if (chosen !== undefined) return name(chosen, notices);
    notices.push(`loader.conf has "${key} ${wish}", which is no Linux entry; the first one is taken`);
  }
  const chosen = usable.find(isNormal);
  return chosen === undefined ? undefined : name(chosen, notices);
}

function list({ fileName, text }: BlsFile): ListedEntry {
  // NAME+LEFT-DONE.conf, NAME+LEFT.conf
  const counter = /\+(\d+)(?:-\d+)?\.conf$/.exec(fileName);
  const id = fileName.replace(/(?:\+\d+(?:-\d+)?)?\.conf$/, ".conf");
  return { ...parseBlsEntry(text), id, isBad: counter !== null && Number(counter[1]) === 0 };
}

/** Boot Loader Specification, "Sorting". */
function compareEntries(a: ListedEntry, b: ListedEntry): number {
  if (a.isBad !== b.isBad) return a.isBad ? 1 : -1;
  if ((a.sortKey === undefined) !== (b.sortKey === undefined)) return a.sortKey === undefined ? 1 : -1;
  if (a.sortKey !== undefined && b.sortKey !== undefined) {
    const order = compareText(a.sortKey, b.sortKey) || compareText(a.machineId ?? "", b.machineId ?? "") ||
      compareVersions(b.version ?? "", a.version ?? "");
    if (order !== 0) return order;
  }
  return compareVersions(b.id, a.id);
}

function isNormal(entry: ListedEntry): boolean {
  return !isRecovery({ title: entry.title ?? "", commandLine: entry.options }, entry.id);
}

function name(entry: ListedEntry, notices: readonly string[]): NamedEntry {
  const bad = entry.isBad ? [`"${entry.id}" has used up all its boot attempts`] : [];
  return {
    title: entry.title ?? entry.id,
    kernel: entry.linux ?? "",
    initrds: entry.initrds,
    commandLine: entry.options.split(/[ \t]+/).filter(Boolean).join(" "),
    notices: [...notices, ...bad],
  };
}

/** "*", "?" and "[…]" as in glob(7), without regard to case. Patterns from before systemd 251 had no ".conf". */
export function matchesGlob(pattern: string, id: string): boolean {
  const source = pattern.replaceAll(/\[(!?)([^\]]+)\]|[\s\S]/g, (found, negation: string | undefined, set?: string) => {
    if (set !== undefined) return `[${negation === "!" ? "^" : ""}${set.replaceAll(/[\\\]^]/g, "\\$&")}]`;
    if (found === "*") return ".*";
    if (found === "?") return ".";
    return found.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  });
  let matcher: RegExp;
  try {
    matcher = new RegExp(`^${source}(?:\\.conf)?$`, "i");
  } catch {
    return pattern === id;
  }
  return matcher.test(id);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
