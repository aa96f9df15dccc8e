/** Unified kernel images on a partition, and what systemd-stub(7) adds to them. */

import type { FilePart } from "../../file_part.ts";
import { BootError } from "../../boot_error.ts";
import type { BootFiles } from "./entry.ts";
import {
  cleanCommandLine,
  decodeSection,
  nameSystem,
  type OsName,
  parseKeyValues,
  parsePeSections,
  PeError,
  peHeaderBytes,
  type PeSection,
  splitProfiles,
} from "./unified.ts";

/** Where kernel and initramfs are inside the image. */
export interface UnifiedParts {
  readonly kernel: FilePart;
  /** Microcode first, as the kernel wants it. */
  readonly initrds: readonly FilePart[];
}

export interface UnifiedProfile extends OsName {
  /** 0 starts unless the user chooses another. */
  readonly number: number;
  /** Undefined: the image has none, so the boot loader passes one. */
  readonly commandLine: string | undefined;
  readonly parts: UnifiedParts;
}

export interface UnifiedImage {
  readonly profiles: readonly UnifiedProfile[];
  readonly notices: readonly string[];
}

/** Far more than any command line, os-release or profile has. */
const maximumTextBytes = 64 * 1024;

/**
 * @param path of the image
 * @param addonDirectory of those for every image: `loader/addons` of its partition
 * @throws {PeError} when the file is no unified image
 */
export async function readUnifiedImage(
  files: BootFiles,
  path: string,
  addonDirectory: string,
): Promise<UnifiedImage> {
  const { sections, readSection } = await openPe(files, path);
  const addons = await readAddons(files, [addonDirectory, extraDirectory(path)]);
  const profiles: UnifiedProfile[] = [];
  for (const [number, profile] of splitProfiles(sections).entries()) {
    const linux = profile.get(".linux");
    if (linux === undefined) continue;
    const text = async (name: string): Promise<string | undefined> => {
      const section = profile.get(name);
      return section === undefined ? undefined : decodeSection(await readSection(section));
    };
    const osName = nameSystem(parseKeyValues(await text(".osrel") ?? "")) ?? { title: path.replace(/^.*\//, "") };
    const about = parseKeyValues(await text(".profile") ?? "");
    const profileName = about.get("TITLE") ?? (number === 0 ? undefined : about.get("ID") ?? `Profile #${number + 1}`);
    const embedded = await text(".cmdline");
    profiles.push({
      ...osName,
      title: profileName === undefined ? osName.title : `${osName.title} (${profileName})`,
      number,
      commandLine: embedded === undefined
        ? undefined
        : [embedded, ...addons.commandLines].map(cleanCommandLine).filter(Boolean).join(" "),
      parts: {
        kernel: linux,
        initrds: [".ucode", ".initrd"].map((name) => profile.get(name)).filter((part) => part !== undefined),
      },
    });
  }
  if (profiles.length === 0) throw new PeError("it has no kernel inside");
  return { profiles, notices: addons.notices };
}

interface OpenedPe {
  readonly sections: readonly PeSection[];
  readSection(section: PeSection): Promise<Uint8Array>;
}

async function openPe(files: BootFiles, path: string): Promise<OpenedPe> {
  const { readBytes } = files;
  if (readBytes === undefined) throw new PeError("it cannot be looked into");
  const header = await readBytes(path, { offset: 0, sizeBytes: peHeaderBytes });
  return {
    sections: parsePeSections(header, await files.sizeBytes?.(path) ?? header.length),
    readSection: async ({ name, offset, sizeBytes }) => {
      if (sizeBytes > maximumTextBytes) throw new PeError(`its section ${name} has ${sizeBytes} bytes`);
      return await readBytes(path, { offset, sizeBytes });
    },
  };
}

/** Its own addons: beside the image, under its name without boot counting. */
function extraDirectory(path: string): string {
  return `${path.replace(/\+\d+(?:-\d+)?(\.efi)$/i, "$1")}.extra.d`;
}

interface Addons {
  readonly commandLines: readonly string[];
  readonly notices: readonly string[];
}

async function readAddons(files: BootFiles, directories: readonly string[]): Promise<Addons> {
  const commandLines: string[] = [];
  const notices: string[] = [];
  for (const directory of directories) {
    for (const name of await files.list(directory)) {
      const path = `${directory}/${name}`;
      if (!/\.addon\.efi$/i.test(name)) {
        if (/\.(?:cred|raw)$/i.test(name)) notices.push(`"${path}" is not passed on to desktops`);
        continue;
      }
      try {
        const { sections, readSection } = await openPe(files, path);
        const section = sections.find((one) => one.name === ".cmdline");
        if (section === undefined) continue;
        commandLines.push(decodeSection(await readSection(section)));
        notices.push(`"${path}" adds to the command line: ${cleanCommandLine(commandLines.at(-1) ?? "")}`);
      } catch (error) {
        if (!(error instanceof PeError || error instanceof BootError)) throw error;
        notices.push(`"${path}" is passed over: ${error.message}`);
      }
    }
  }
  return { commandLines, notices };
}
