/**
 * What one partition has to say about booting: files of ours, menus of boot loaders, the systems that are installed
 * there.
 */

import type { UnifiedParts } from "./read_unified.ts";
import { type BlsMenu, readBlsMenu } from "./bls_menu.ts";
import { listBootDirectories } from "./boot_directories.ts";
import type { BootFiles, BootLoader, NamedEntry, Partition } from "./entry.ts";
import type { BootLoadSettings } from "../../formats/stiefelsystem_json.ts";
import { BootError } from "../../boot_error.ts";
import type { GrubEntry } from "./grub_config.ts";
import { runGrubConfig } from "./find_grub_entry.ts";
import { isOfEfi, listGrubConfigs } from "./grub_places.ts";
import { type Located, locateFile, locateFiles } from "./locate.ts";
import { type BootStatement, parseStiefelsystemJson, stiefelsystemJsonName } from "../../formats/stiefelsystem_json.ts";
import { readTextOr } from "./read_text.ts";
import { evaluateSyslinuxConfig, type SyslinuxResult } from "./syslinux.ts";
import { readIdentity, type SystemIdentity } from "./system_identity.ts";

/** Configuration files below a boot directory. */
const syslinuxConfigs = [
  "extlinux/extlinux.conf",
  "syslinux/syslinux.cfg",
  "syslinux/extlinux.conf",
  "extlinux.conf",
  "syslinux.cfg",
] as const;

/** Settings of boot loaders that are not read here, below a boot directory. */
const otherLoaders = [
  ["refind_linux.conf", "rEFInd"],
  ["EFI/refind/refind.conf", "rEFInd"],
  ["limine.conf", "Limine"],
  ["limine/limine.conf", "Limine"],
  ["EFI/limine/limine.conf", "Limine"],
  ["EFI/BOOT/limine.conf", "Limine"],
  ["grub/menu.lst", "GRUB Legacy"],
] as const;

/** A menu that includes more files than this is no menu. */
const maximumIncludes = 32;

/** What `stiefelsystem.json` or `boot.load` of the configuration says, the files looked up. */
export interface Statement {
  readonly loader: BootLoader;
  readonly source: string;
  readonly kernel?: string;
  readonly initrds?: readonly string[];
  readonly commandLine?: string;
  /** By which the initramfs can attach the disk. */
  readonly transports?: readonly string[];
  readonly canTunnel?: boolean;
  /** Named, but not on the partition. */
  readonly missing?: string;
  /** The system in whose /boot it is. */
  readonly system?: SystemIdentity;
}

/** An entry whose files have been found. */
export interface PlacedEntry extends NamedEntry {
  /** {@link Partition.name} of the partition with its files; absent: the one with the menu. */
  readonly partition?: string;
  /** The file that names it. */
  readonly source: string;
  readonly unified?: UnifiedParts;
}

/** What GRUB or syslinux shows. */
export interface LoaderMenu {
  readonly loader: BootLoader;
  /** The one it would start, then the others in the order in which they are to be tried. */
  readonly entries: readonly PlacedEntry[];
  /** Others, to be tried only where the first one is surely another system's. */
  readonly alternatives?: readonly PlacedEntry[];
  /** Why it has no entries, or not those it names. */
  readonly problems: readonly string[];
}

export interface Survey {
  /** {@link Partition.name} */
  readonly name: string;
  readonly statement?: Statement;
  readonly systems: readonly SystemIdentity[];
  readonly blsMenus: readonly BlsMenu[];
  readonly loaderMenus: readonly LoaderMenu[];
  /** Files that are ours, but cannot be used. */
  readonly problems: readonly string[];
  /** What is there of boot loaders that are not read here, one sentence each. */
  readonly unread: readonly string[];
}

/** Whether the partition has anything that matters. */
export function isTelling({ statement, systems, blsMenus, loaderMenus, problems, unread }: Survey): boolean {
  return statement !== undefined || [systems, blsMenus, loaderMenus, problems, unread].some((list) => list.length > 0);
}

export interface SurveyOptions {
  readonly load?: BootLoadSettings | undefined;
  /** Other partitions of the same disk, which a boot loader's configuration may name. */
  readonly others?: readonly Partition[] | undefined;
  /**
   * Subvolumes of a btrfs that is seen from its top, as "/@"; their /boot, or they as /boot, are looked at as well.
   */
  readonly subvolumes?: readonly string[] | undefined;
}

export async function surveyPartition(
  partition: Partition,
  { load, others = [], subvolumes }: SurveyOptions = {},
): Promise<Survey> {
  const { name, files } = partition;
  const systems = new Map<string, SystemIdentity>();
  const blsMenus: BlsMenu[] = [];
  const loaderMenus: LoaderMenu[] = [];
  const problems: string[] = [];
  const unread: string[] = [];
  let statement: Statement | undefined;
  for (const directory of await listBootDirectories(files, subvolumes)) {
    const root = directory.replace(/\/boot$/, "");
    const system = systems.get(root) ?? await readIdentity(files, root);
    if (system !== undefined) systems.set(root, system);
    try {
      const read = await readStatement(files, directory, load);
      if (read !== undefined) statement ??= { ...read, ...system === undefined ? {} : { system } };
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      problems.push(error.message);
    }
    const bls = await readBlsMenu(files, directory);
    if (bls !== undefined) blsMenus.push(bls);
    loaderMenus.push(
      ...await readGrubMenus([partition, ...others], directory),
      ...await readSyslinuxMenus(files, directory),
    );
    for (const [name, loader] of otherLoaders) {
      const path = `${directory}/${name}`;
      if (await files.exists(path)) unread.push(`"${path}" is for ${loader}, whose settings are not read`);
    }
  }
  return {
    name,
    ...statement === undefined ? {} : { statement },
    systems: [...systems.values()],
    blsMenus,
    loaderMenus,
    problems,
    unread,
  };
}

async function readStatement(
  files: BootFiles,
  directory: string,
  load: BootLoadSettings | undefined,
): Promise<Statement | undefined> {
  const path = `${directory}/${stiefelsystemJsonName}`;
  const stated = await files.exists(path)
    ? parseStiefelsystemJson(await files.readText(path), path)
    : {} as BootStatement;
  const configured = dropAbsent(load ?? {});
  const merged = { ...stated, ...configured };
  const isOurs = Object.keys(stated).length > 0;
  const find = (name: string): Promise<string | undefined> => locateFile(files, name, { directory });
  const kernel = merged.kernel === undefined ? undefined : await find(merged.kernel);
  const initrds: string[] = [];
  let missing = merged.kernel !== undefined && kernel === undefined ? merged.kernel : undefined;
  for (const name of asList(merged.initrd)) {
    const initrd = await find(name);
    if (initrd === undefined) missing ??= name;
    else initrds.push(initrd);
  }
  // The configuration does not say on which partition its files are: where they are found.
  const isConfigured = configured.kernel !== undefined || configured.initrd !== undefined;
  if (!isOurs && (!isConfigured || missing !== undefined)) return undefined;
  return {
    ...configured.kernel !== undefined || !isOurs
      ? { loader: "configuration", source: "config.yaml, boot.load" }
      : { loader: "stiefelsystem.json", source: path },
    ...kernel === undefined ? {} : { kernel },
    ...merged.initrd === undefined ? {} : { initrds },
    ...merged.cmdline === undefined ? {} : { commandLine: asList(merged.cmdline).join(" ") },
    ...stated.transports === undefined ? {} : { transports: stated.transports },
    ...stated.canTunnel ? { canTunnel: true } : {},
    ...missing === undefined ? {} : { missing },
  };
}

/** @param partitions the first is the one with the directory */
async function readGrubMenus(
  partitions: readonly [Partition, ...Partition[]],
  directory: string,
): Promise<readonly LoaderMenu[]> {
  const [menuPartition] = partitions;
  const menus: LoaderMenu[] = [];
  for (const source of await listGrubConfigs(menuPartition.files, directory)) {
    // Where the configuration itself cannot be read, that is what to say; what it includes may be anything.
    const text = await readTextOr(menuPartition.files, source, (unreadable) => ({ unreadable }));
    if (typeof text !== "string") {
      menus.push({ loader: "grub", entries: [], problems: [text.unreadable] });
      continue;
    }
    const { entry, others, entryCount, notices } = await runGrubConfig({
      path: source,
      bootDirectory: directory,
      partitions,
    });
    if (entry === undefined) {
      // The small scripts on an EFI partition only lead to the one beside the kernels, which is found there.
      if (entryCount === 0 && notices.length === 0 && isOfEfi(source)) continue;
      const what = entryCount === 0
        ? `"${source}" has no menu entry`
        : `None of the ${entryCount} entries in "${source}" starts a normal Linux of this system`;
      menus.push({ loader: "grub", entries: [], problems: [[what, ...notices].join("; ")] });
      continue;
    }
    const placeOf = (one: GrubEntry): Partition =>
      partitions.find(({ name }) => name === one.partition) ?? menuPartition;
    const locate = (one: GrubEntry): Promise<Located> =>
      locateFiles(placeOf(one).files, one, { directory: placeOf(one) === menuPartition ? directory : "/boot" });
    const place = placeOf(entry);
    const located = await locate(entry);
    const alternatives: PlacedEntry[] = [];
    for (const other of others) {
      const found = await locate(other);
      if (!("missing" in found)) alternatives.push({ ...other, ...found, source });
    }
    const where = place === menuPartition ? "the boot partition" : `"${place.name}"`;
    menus.push(
      "missing" in located
        ? {
          loader: "grub",
          entries: [],
          problems: [
            `"${source}" names "${located.missing}", which is not on ${where}: name the partition with it in boot.part of ` +
            "config.yaml, or kernel, initrd and cmdline in boot.load",
            ...notices,
          ],
        }
        : { loader: "grub", entries: [{ ...entry, ...located, source }], alternatives, problems: [] },
    );
  }
  return menus;
}

async function readSyslinuxMenus(files: BootFiles, directory: string): Promise<readonly LoaderMenu[]> {
  const menus: LoaderMenu[] = [];
  for (const name of syslinuxConfigs) {
    const source = `${directory}/${name}`;
    if (await files.exists(source)) menus.push(await readSyslinuxMenu(files, source, directory));
  }
  return menus;
}

async function readSyslinuxMenu(files: BootFiles, source: string, directory: string): Promise<LoaderMenu> {
  const text = await readTextOr(files, source, (reason) => ({ reason }));
  if (typeof text !== "string") return { loader: "extlinux", entries: [], problems: [text.reason] };
  const place = source.slice(0, source.lastIndexOf("/"));
  const named = await withIncludes(
    files,
    (includes): SyslinuxResult => evaluateSyslinuxConfig({ text, directory: place, files: includes }),
  );
  const entries: PlacedEntry[] = [];
  const problems: string[] = named.entries.length === 0 ? [`No entry in "${source}" starts a normal Linux`] : [];
  for (const entry of named.entries) {
    const located = await locateFiles(files, entry, { directory, ignoresCase: true });
    if ("missing" in located) {
      problems.push(`"${source}" names "${located.missing}", which is not on the boot partition`);
    } else {
      const notices = problems.map((problem) => `${problem}; another entry is taken`);
      entries.push({ ...entry, ...located, source, notices: [...entry.notices, ...notices] });
    }
  }
  return { loader: "extlinux", entries, problems };
}

/** Evaluates again and again with the files that were asked for, until no more of them exist. */
async function withIncludes<T extends { readonly missingIncludes: readonly string[] }>(
  files: BootFiles,
  evaluate: (includes: ReadonlyMap<string, string>) => T,
): Promise<T> {
  const includes = new Map<string, string>();
  for (;;) {
    const result = evaluate(includes);
    const existing: string[] = [];
    for (const path of result.missingIncludes) {
      if (includes.size + existing.length < maximumIncludes && await files.exists(path)) existing.push(path);
    }
    if (existing.length === 0) return result;
    for (const path of existing) includes.set(path, await readTextOr(files, path, () => ""));
  }
}

function dropAbsent(load: BootLoadSettings): BootLoadSettings {
  return Object.fromEntries(Object.entries(load).filter(([, value]) => value !== undefined && value.length > 0));
}

function asList(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
