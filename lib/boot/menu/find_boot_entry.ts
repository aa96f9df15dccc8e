/** Which boot entry of a partition shall be started: the one its own boot loader would take, but never a recovery one. */

import { type BlsFile, chooseBlsEntry } from "./bls.ts";
import {
  type BootEntry,
  BootError,
  type BootFiles,
  type BootLoader,
  type BootLoadSettings,
  type NamedEntry,
} from "./entry.ts";
import { evaluateGrubConfig, type GrubResult } from "./grub_config.ts";
import { parseStiefelsystemJson, stiefelsystemJsonName } from "./stiefelsystem_json.ts";
import { evaluateSyslinuxConfig, type SyslinuxResult } from "./syslinux.ts";

export interface FindBootEntryOptions {
  /** `boot.load` of the configuration; what it names wins over everything on the disk. */
  readonly load?: BootLoadSettings | undefined;
}

/**
 * Directories that can be /boot: a boot partition of its own, a root partition, and the root subvolumes that installers of Arch, Debian and Fedora
 * make on btrfs, seen from the top of the file system.
 */
export const bootDirectories = ["", "/boot", "/@/boot", "/@rootfs/boot", "/root/boot"] as const;

/** Configuration files below a boot directory. */
const grubConfigs = ["grub/grub.cfg", "grub2/grub.cfg"] as const;
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
  for (const directory of bootDirectories) {
    if (!await files.exists(directory === "" ? "/" : directory)) continue;
    try {
      const candidate = await findInDirectory(files, directory, { load: options.load, problems });
      if (candidate !== undefined) return await locate(files, directory, candidate);
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
  readonly load: BootLoadSettings | undefined;
  readonly problems: string[];
}

async function findInDirectory(
  files: BootFiles,
  directory: string,
  { load, problems }: DirectoryOptions,
): Promise<Candidate | undefined> {
  const path = `${directory}/${stiefelsystemJsonName}`;
  const stated = await files.exists(path) ? parseStiefelsystemJson(await files.readText(path), path) : {};
  const configured = dropAbsent(load ?? {});
  const wanted = { ...stated, ...configured };
  const origin = configured.kernel !== undefined
    ? { loader: "configuration", source: "config.yaml, boot.load" } as const
    : { loader: "stiefelsystem.json", source: path } as const;

  if (wanted.kernel !== undefined && wanted.initrd !== undefined && wanted.cmdline !== undefined) {
    return { ...origin, entry: overlay(undefined, wanted.kernel, wanted) };
  }
  const own = await findOfLoader(files, directory, problems);
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
  problems: string[],
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
    await findGrub(files, directory, { blsEntries, problems }) ??
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
  { blsEntries, problems }: { readonly blsEntries: readonly BlsFile[]; readonly problems: string[] },
): Promise<Candidate | undefined> {
  for (const name of grubConfigs) {
    const source = `${directory}/${name}`;
    if (!await files.exists(source)) continue;
    const text = await files.readText(source);
    const prefix = source.slice(0, source.lastIndexOf("/"));
    const result = await withIncludes(
      files,
      (given): GrubResult => evaluateGrubConfig({ text, prefix, files: given, blsEntries }),
    ).catch((error: unknown) => unreadable(source, error));
    if (result.entry !== undefined) return { entry: result.entry, loader: "grub", source };
    problems.push(`None of the ${result.entryCount} entries in "${source}" starts a normal Linux`);
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

function unreadable(source: string, error: unknown): never {
  if (!(error instanceof Error) || error.name !== "GrubSyntaxError") throw error;
  throw new BootError("unsupported", `Cannot read "${source}": ${error.message}`, { cause: error });
}

function dropAbsent(load: BootLoadSettings): BootLoadSettings {
  return Object.fromEntries(Object.entries(load).filter(([, value]) => value !== undefined && value.length > 0));
}

function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}

/** @throws {BootError} "no-boot-entry" when a file of the entry is not on the partition */
async function locate(files: BootFiles, directory: string, candidate: Candidate): Promise<BootEntry> {
  const { entry, loader, source } = candidate;
  const find = async (path: string): Promise<string> => {
    for (const possible of pathCandidates(directory, path)) {
      if (await files.exists(possible)) return possible;
    }
    throw new BootError("no-boot-entry", `"${source}" names "${path}", which is not on the boot partition`, {
      hints: [`Looked for: ${pathCandidates(directory, path).join(", ")}`],
    });
  };
  const kernel = await find(entry.kernel);
  const initrds: string[] = [];
  for (const initrd of entry.initrds) initrds.push(await find(initrd));
  return { ...entry, kernel, initrds, loader, source };
}

/**
 * Where a path of a boot configuration may be, seen from the partition's top: boot loaders name files relative to their partition,
 * people and the original's configuration relative to the root file system or to /boot.
 */
export function pathCandidates(directory: string, path: string): readonly string[] {
  const absolute = `/${path.replace(/^\/+/, "")}`;
  const root = directory.replace(/\/boot$/, "");
  return [
    ...new Set([absolute, `${directory}${absolute}`, `${root}${absolute}`, absolute.replace(/^\/boot\//, "/")]),
  ];
}
