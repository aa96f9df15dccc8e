/** Which boot entry of a partition shall be started: the one its own boot loader would take, but never a recovery one. */

import { type BlsFile, chooseBlsEntry } from "./bls.ts";
import {
  type BootEntry,
  BootError,
  type BootFiles,
  type BootLoader,
  type BootLoadSettings,
  type NamedEntry,
  type Partition,
} from "./entry.ts";
import { runGrubConfig } from "./find_grub_entry.ts";
import { isOfEfi, listGrubConfigs } from "./grub_places.ts";
import { listBootDirectories } from "./boot_directories.ts";
import { pathCandidates } from "./path_candidates.ts";
import { parseStiefelsystemJson, stiefelsystemJsonName } from "./stiefelsystem_json.ts";
import { evaluateSyslinuxConfig, type SyslinuxResult } from "./syslinux.ts";

export interface FindBootEntryOptions {
  /** `boot.load` of the configuration; what it names wins over everything on the disk. */
  readonly load?: BootLoadSettings | undefined;
  /** What is known of the partition itself, for boot loaders that look for one. */
  readonly partition?: Omit<Partition, "files"> | undefined;
  /** Other partitions of the same disk, which a boot loader's configuration may name. */
  readonly others?: readonly Partition[] | undefined;
  /** Subvolumes of a btrfs that is seen from its top, as "/@"; their /boot, or they as /boot, are looked at as well. */
  readonly subvolumes?: readonly string[] | undefined;
}

export { pathCandidates } from "./path_candidates.ts";

/** Configuration files below a boot directory. */
const syslinuxConfigs = [
  "extlinux/extlinux.conf",
  "syslinux/syslinux.cfg",
  "syslinux/extlinux.conf",
  "extlinux.conf",
  "syslinux.cfg",
] as const;

/** A menu that includes more files than this is no menu. */
const maximumIncludes = 32;

interface Candidate {
  readonly entry: NamedEntry;
  readonly loader: BootLoader;
  readonly source: string;
  /** Absent: the one that is searched. */
  readonly partition?: string;
}

/**
 * @returns the entry, its files looked up; undefined when nothing on the partition looks like a boot configuration
 * @throws {BootError} when there is one that cannot be used
 */
export async function findBootEntry(
  files: BootFiles,
  options: FindBootEntryOptions = {},
): Promise<BootEntry | undefined> {
  const problems: string[] = [];
  for (const directory of await listBootDirectories(files, options.subvolumes)) {
    try {
      const candidate = await findInDirectory(files, directory, { options, problems });
      if (candidate !== undefined) return await locate({ files, directory, others: options.others ?? [] }, candidate);
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      problems.push(error.message);
    }
  }
  const [first, ...others] = problems;
  if (first === undefined) return undefined;
  throw new BootError("no-boot-entry", first, { hints: others });
}

interface DirectoryOptions {
  readonly options: FindBootEntryOptions;
  readonly problems: string[];
}

async function findInDirectory(
  files: BootFiles,
  directory: string,
  { options, problems }: DirectoryOptions,
): Promise<Candidate | undefined> {
  const path = `${directory}/${stiefelsystemJsonName}`;
  const stated = await files.exists(path) ? parseStiefelsystemJson(await files.readText(path), path) : {};
  const configured = dropAbsent(options.load ?? {});
  const wanted = { ...stated, ...configured };
  const origin = configured.kernel !== undefined
    ? { loader: "configuration", source: "config.yaml, boot.load" } as const
    : { loader: "stiefelsystem.json", source: path } as const;

  if (wanted.kernel !== undefined && wanted.initrd !== undefined && wanted.cmdline !== undefined) {
    return { ...origin, entry: overlay(undefined, wanted.kernel, wanted) };
  }
  const own = await findOfLoader(files, directory, { options, problems });
  if (own === undefined) {
    return wanted.kernel === undefined ? undefined : { ...origin, entry: overlay(undefined, wanted.kernel, wanted) };
  }
  const isStated = Object.keys(stated).length > 0 || configured.kernel !== undefined;
  return { ...own, ...(isStated ? origin : {}), entry: overlay(own.entry, own.entry.kernel, wanted) };
}

/** What is stated, and the boot loader's entry for the rest. */
function overlay(entry: NamedEntry | undefined, kernel: string, load: BootLoadSettings): NamedEntry {
  return {
    title: entry?.title ?? load.kernel ?? kernel,
    kernel: load.kernel ?? kernel,
    initrds: load.initrd === undefined ? entry?.initrds ?? [] : asList(load.initrd),
    commandLine: load.cmdline === undefined ? entry?.commandLine ?? "" : asList(load.cmdline).join(" "),
    notices: entry?.notices ?? [],
  };
}

async function findOfLoader(
  files: BootFiles,
  directory: string,
  { options, problems }: DirectoryOptions,
): Promise<Candidate | undefined> {
  const entriesDirectory = `${directory}/loader/entries`;
  const blsEntries = await readBlsFiles(files, entriesDirectory);
  const loaderPath = `${directory}/loader/loader.conf`;
  // Fedora's GRUB reads the same entries; loader.conf is what only systemd-boot has.
  const loaderConf = await files.exists(loaderPath) ? await files.readText(loaderPath) : undefined;
  const bls = (): Candidate | undefined => {
    const entry = chooseBlsEntry({ entries: blsEntries, loaderConf });
    const variable = entry === undefined || loaderConf !== undefined ? undefined : findVariable(entry);
    if (variable !== undefined) {
      problems.push(
        `"${entriesDirectory}" belongs to a GRUB on another partition, which alone knows "${variable}": name kernel, initrd and cmdline in boot.load`,
      );
      return undefined;
    }
    if (entry !== undefined) return { entry, loader: "systemd-boot", source: entriesDirectory };
    if (blsEntries.length > 0) problems.push(`No entry in "${entriesDirectory}" starts a Linux kernel`);
    return undefined;
  };
  return (loaderConf === undefined ? undefined : bls()) ??
    await findGrub(files, directory, { problems, options }) ??
    (loaderConf === undefined ? bls() : undefined) ??
    await findSyslinux(files, directory, problems) ??
    await complainAboutUnified(files, directory, problems);
}

/**
 * GRUB replaces variables in its entries; where grub.cfg and grubenv are on the EFI partition (RHEL 8, Fedora before 34), their values are, too.
 * @returns the first variable of the entry
 */
function findVariable({ commandLine, initrds }: NamedEntry): string | undefined {
  return /\$(?:\w+|\{\w+\})/.exec([commandLine, ...initrds].join(" "))?.[0];
}

async function readBlsFiles(files: BootFiles, directory: string): Promise<readonly BlsFile[]> {
  const names = (await files.list(directory)).filter((fileName) => fileName.endsWith(".conf"));
  const found: BlsFile[] = [];
  for (const fileName of names) found.push({ fileName, text: await files.readText(`${directory}/${fileName}`) });
  return found;
}

async function findGrub(
  files: BootFiles,
  directory: string,
  { problems, options }: { readonly problems: string[]; readonly options: FindBootEntryOptions },
): Promise<Candidate | undefined> {
  for (const source of await listGrubConfigs(files, directory)) {
    const own: Partition = { name: "disk", ...options.partition, files };
    const { entry, entryCount, notices } = await runGrubConfig({
      path: source,
      bootDirectory: directory,
      partitions: [own, ...options.others ?? []],
    });
    if (entry !== undefined) {
      const { partition, ...named } = entry;
      return { entry: named, loader: "grub", source, ...partition === own.name ? {} : { partition } };
    }
    // The small scripts on an EFI partition only lead to the one beside the kernels, which is found there.
    if (entryCount === 0 && notices.length === 0 && isOfEfi(source)) continue;
    const what = entryCount === 0
      ? `"${source}" has no menu entry`
      : `None of the ${entryCount} entries in "${source}" starts a normal Linux of this system`;
    problems.push([what, ...notices].join("; "));
  }
  return undefined;
}

async function findSyslinux(
  files: BootFiles,
  directory: string,
  problems: string[],
): Promise<Candidate | undefined> {
  for (const name of syslinuxConfigs) {
    const source = `${directory}/${name}`;
    if (!await files.exists(source)) continue;
    const text = await files.readText(source);
    const result = await withIncludes(
      files,
      (given): SyslinuxResult =>
        evaluateSyslinuxConfig({ text, directory: source.slice(0, source.lastIndexOf("/")), files: given }),
    );
    if (result.entry !== undefined) return { entry: result.entry, loader: "extlinux", source };
    problems.push(`No entry in "${source}" starts a normal Linux`);
  }
  return undefined;
}

/** Evaluates again and again with the files that were asked for, until no more of them exist. */
async function withIncludes<T extends { readonly wanted: readonly string[] }>(
  files: BootFiles,
  evaluate: (given: ReadonlyMap<string, string>) => T,
): Promise<T> {
  const given = new Map<string, string>();
  for (;;) {
    const result = evaluate(given);
    const found: string[] = [];
    for (const path of result.wanted) {
      if (given.size + found.length < maximumIncludes && await files.exists(path)) found.push(path);
    }
    if (found.length === 0) return result;
    for (const path of found) given.set(path, await files.readText(path).catch(() => ""));
  }
}

/** Unified kernel images are said, not silently passed over. */
async function complainAboutUnified(files: BootFiles, directory: string, problems: string[]): Promise<undefined> {
  const images = (await files.list(`${directory}/EFI/Linux`)).filter((name) => name.toLowerCase().endsWith(".efi"));
  const [first] = images;
  if (first === undefined) return;
  problems.push(
    `"${directory}/EFI/Linux/${first}" is a unified kernel image, which cannot be used yet: name a separate kernel, initrd and cmdline in boot.load`,
  );
}

function dropAbsent(load: BootLoadSettings): BootLoadSettings {
  return Object.fromEntries(Object.entries(load).filter(([, value]) => value !== undefined && value.length > 0));
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** @throws {BootError} "no-boot-entry" when a file of the entry is not on its partition */
async function locate(
  { files, directory, others }: {
    readonly files: BootFiles;
    readonly directory: string;
    readonly others: readonly Partition[];
  },
  candidate: Candidate,
): Promise<BootEntry> {
  const { entry, loader, source, partition } = candidate;
  const other = others.find(({ name }) => name === partition);
  const place = other?.files ?? files;
  const candidates = (path: string): readonly string[] =>
    pathCandidates(other === undefined ? directory : "/boot", path);
  const find = async (path: string): Promise<string> => {
    for (const possible of candidates(path)) {
      if (await place.exists(possible)) return possible;
    }
    const where = other === undefined ? "the boot partition" : `"${other.name}"`;
    throw new BootError("no-boot-entry", `"${source}" names "${path}", which is not on ${where}`, {
      hints: [`Looked for: ${candidates(path).join(", ")}`, ...entry.notices],
    });
  };
  const kernel = await find(entry.kernel);
  const initrds: string[] = [];
  for (const initrd of entry.initrds) initrds.push(await find(initrd));
  return { ...entry, kernel, initrds, loader, source, ...partition === undefined ? {} : { partition } };
}
