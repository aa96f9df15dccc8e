/** What systemd-boot finds on one partition: `loader/entries`, `EFI/Linux` and `loader.conf`. */

import {
  type BlsEntry,
  type BlsFile,
  isEntryFileName,
  parseBlsEntry,
  parseEntryName,
  type SortFields,
  splitOptions,
} from "./bls.ts";
import type { BootFiles } from "./entry.ts";
import { BootError } from "../../boot_error.ts";
import { findIgnoringCase, locateFile, locateFiles } from "./locate.ts";
import { readUnifiedImage, type UnifiedParts } from "./read_unified.ts";
import { PeError } from "./unified.ts";
import { readTextOr } from "./read_text.ts";
import { isRecovery } from "./recovery.ts";

/** An entry of the menu; one with a `problem` is not to be started. */
export interface BlsCandidate extends SortFields {
  readonly title: string;
  /** The file that names it, on its partition. */
  readonly source: string;
  /** As the entry names it. */
  readonly namedKernel: string;
  /** Where its files are on the partition. */
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly unified?: UnifiedParts;
  readonly commandLine: string;
  readonly notices: readonly string[];
  readonly problem?: string;
}

export interface BlsMenu {
  readonly directory: string;
  /** The directory with the entries, for messages. */
  readonly entriesDirectory: string;
  /** systemd-boot is installed there. Fedora's GRUB reads the same entries. */
  readonly isSystemdBoot: boolean;
  readonly loaderConf?: string;
  /** What the menu shows. */
  readonly listed: readonly BlsCandidate[];
  /** Settings that could not be read. */
  readonly notices: readonly string[];
  /** Why other entries are not in it. */
  readonly problems: readonly string[];
  /** Files of `loader/entries` as they are, for GRUB. */
  readonly files: readonly BlsFile[];
}

/** @param directory the partition's top (""), or where it was mounted when its files were copied */
export async function readBlsMenu(files: BootFiles, directory: string): Promise<BlsMenu | undefined> {
  const find = (path: string): Promise<string | undefined> => findIgnoringCase(files, directory + path);
  const entriesDirectory = await find("/loader/entries");
  const unifiedDirectory = await find("/EFI/Linux");
  const loaderPath = await find("/loader/loader.conf");
  const isSystemdBoot = loaderPath !== undefined || await find("/EFI/systemd") !== undefined;
  const reader = new MenuReader(files, directory);
  for (const name of entriesDirectory === undefined ? [] : await files.list(entriesDirectory)) {
    if (isEntryFileName(name)) await reader.addEntry(entriesDirectory ?? "", name);
  }
  for (const name of unifiedDirectory === undefined ? [] : await files.list(unifiedDirectory)) {
    if (/\.efi$/i.test(name) && !/^(?:\.|auto-)/i.test(name)) await reader.addUnified(`${unifiedDirectory}/${name}`);
  }
  // An image that the firmware starts itself need not be in EFI/Linux.
  if (!isSystemdBoot && reader.listed.length === 0 && reader.problems.length === 0) {
    for (const path of await listPrograms(files, await find("/EFI"))) {
      await reader.addUnified(path, { mayBeOther: true });
    }
  }
  if (
    entriesDirectory === undefined && unifiedDirectory === undefined && !isSystemdBoot && reader.listed.length === 0
  ) {
    return undefined;
  }
  const notices: string[] = [];
  const loaderConf = loaderPath === undefined
    ? undefined
    : await readTextOr(files, loaderPath, (reason) => void notices.push(`${reason}; the first entry is taken`));
  return {
    directory,
    entriesDirectory: entriesDirectory ?? unifiedDirectory ?? `${directory}/loader/entries`,
    isSystemdBoot,
    ...typeof loaderConf === "string" ? { loaderConf } : {},
    notices,
    listed: reader.listed,
    problems: reader.problems,
    files: reader.texts,
  };
}

/** More EFI programs than this are no boot partition's. */
const maximumPrograms = 64;

async function listPrograms(files: BootFiles, directory: string | undefined): Promise<readonly string[]> {
  if (directory === undefined) return [];
  const paths: string[] = [];
  for (const vendor of await files.list(directory)) {
    if (/^microsoft$/i.test(vendor)) continue;
    const names = (await files.list(`${directory}/${vendor}`)).filter((name) => /\.efi$/i.test(name));
    paths.push(...names.map((name) => `${directory}/${vendor}/${name}`));
  }
  return paths.slice(0, maximumPrograms);
}

class MenuReader {
  readonly listed: BlsCandidate[] = [];
  readonly problems: string[] = [];
  readonly texts: BlsFile[] = [];
  readonly #files: BootFiles;
  readonly #directory: string;

  constructor(files: BootFiles, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  async addEntry(entriesDirectory: string, fileName: string): Promise<void> {
    const source = `${entriesDirectory}/${fileName}`;
    const text = await readTextOr(this.#files, source, (reason) => void this.problems.push(reason));
    if (typeof text !== "string") return;
    this.texts.push({ fileName, text });
    const entry = parseBlsEntry(text);
    if (entry.isIgnored) {
      this.problems.push(`"${source}" is for another processor, or names several programs to start`);
    } else if (entry.linux !== undefined) {
      await this.#addLinux(source, fileName, { ...entry, linux: entry.linux });
    } else if (entry.efi !== undefined) {
      await this.#addProgram(source, fileName, { ...entry, efi: entry.efi });
    } else this.problems.push(`"${source}" names nothing to start`);
  }

  async #addLinux(source: string, fileName: string, entry: BlsEntry & { readonly linux: string }): Promise<void> {
    const { commandLine, initrds } = splitOptions(entry.options);
    // The kernel's EFI loader reads "initrd=" only where the boot loader brings nothing itself.
    const named = { kernel: entry.linux, initrds: entry.initrds.length > 0 ? entry.initrds : initrds };
    const options = { directory: this.#directory, ignoresCase: true };
    const kernel = await locateFile(this.#files, named.kernel, options);
    if (kernel === undefined) {
      // systemd-boot does not list it (boot_entry_add_type1).
      this.problems.push(`"${source}" names "${named.kernel}", which is not on the boot partition`);
      return;
    }
    const located = await locateFiles(this.#files, named, options);
    const problem = describeVariable(source, [commandLine, ...named.initrds]) ??
      ("missing" in located
        ? `"${source}" names "${located.missing}", which is not on the boot partition`
        : isRecovery({ title: entry.title ?? "", commandLine }, fileName)
        ? `"${source}" is for emergencies`
        : undefined);
    this.listed.push({
      ...describeEntry(entry, fileName),
      source,
      namedKernel: named.kernel,
      kernel,
      initrds: "missing" in located ? [] : located.initrds,
      commandLine,
      notices: entry.devicetree === undefined ? [] : [`"${source}" names a device tree, which desktops do not get`],
      ...problem === undefined ? {} : { problem },
    });
  }

  /** `efi` and `uki` lines: another boot loader, or a unified kernel image. */
  async #addProgram(source: string, fileName: string, entry: BlsEntry & { readonly efi: string }): Promise<void> {
    const path = await locateFile(this.#files, entry.efi, { directory: this.#directory, ignoresCase: true });
    if (path === undefined) {
      this.problems.push(`"${source}" names "${entry.efi}", which is not on the boot partition`);
      return;
    }
    const common = { ...describeEntry(entry, fileName), source, namedKernel: entry.efi, kernel: path };
    try {
      const { profiles: [profile], notices } = await this.#readUnified(path);
      if (profile === undefined) return;
      // systemd-stub(7): options of the entry take the place of the image's own.
      const commandLine = entry.options === "" ? profile.commandLine ?? "" : splitOptions(entry.options).commandLine;
      this.listed.push({ ...common, initrds: [], unified: profile.parts, commandLine, notices });
    } catch (error) {
      if (!isUnusable(error)) throw error;
      // A plain kernel is an EFI program, too.
      if (await isKernel(this.#files, path)) return await this.#addLinux(source, fileName, { ...entry, linux: path });
      const problem = `"${source}" starts "${entry.efi}", which is no Linux kernel`;
      this.listed.push({ ...common, initrds: [], commandLine: "", notices: [], problem });
    }
  }

  /** @param mayBeOther nothing has said that it is a unified kernel image */
  async addUnified(path: string, { mayBeOther = false } = {}): Promise<void> {
    const fileName = path.slice(path.lastIndexOf("/") + 1);
    const { id, ...counted } = parseEntryName(fileName);
    try {
      const { profiles, notices } = await this.#readUnified(path);
      for (const { number, commandLine, parts, ...osName } of profiles) {
        const isEmergency = isRecovery({ title: osName.title, commandLine: commandLine ?? "" }, id);
        this.listed.push({
          ...osName,
          ...counted,
          id: number === 0 ? id : `${id}@${number}`,
          source: path,
          namedKernel: path,
          kernel: path,
          initrds: [],
          unified: parts,
          commandLine: commandLine ?? "",
          notices,
          ...isEmergency ? { problem: `"${path}" is for emergencies` } : {},
        });
      }
    } catch (error) {
      if (!isUnusable(error)) throw error;
      if (mayBeOther) return;
      this.problems.push(`"${path}" cannot be used as a unified kernel image: ${error.message}`);
    }
  }

  #readUnified(path: string): ReturnType<typeof readUnifiedImage> {
    return readUnifiedImage(this.#files, path, `${this.#directory}/loader/addons`);
  }
}

/** Linux/x86 Boot Protocol: "HdrS" at 0x202. */
async function isKernel(files: BootFiles, path: string): Promise<boolean> {
  const bytes = await files.readBytes?.(path, { offset: 0x202, sizeBytes: 4 }).catch(() => undefined);
  return bytes !== undefined && new TextDecoder("latin1").decode(bytes) === "HdrS";
}

/** Not an image, or not even a file. */
function isUnusable(error: unknown): error is Error {
  return error instanceof PeError || error instanceof BootError;
}

function describeEntry(entry: BlsEntry, fileName: string): SortFields & { readonly title: string } {
  const { version, machineId, sortKey } = entry;
  const filled = Object.entries({ version, machineId, sortKey }).filter(([, value]) => value !== undefined);
  return { ...parseEntryName(fileName), ...Object.fromEntries(filled), title: entry.title ?? fileName };
}

/**
 * GRUB replaces variables in its entries; where grub.cfg and grubenv are on another partition (RHEL 8, Fedora before
 * 34), so are their values.
 */
function describeVariable(source: string, texts: readonly string[]): string | undefined {
  const variable = /\$(?:[A-Za-z_]\w*|\{\w+\})/.exec(texts.join(" "))?.[0];
  if (variable === undefined) return undefined;
  return `"${source}" is for a GRUB on another partition, which alone knows "${variable}": name kernel, initrd and cmdline in boot.load`;
}
