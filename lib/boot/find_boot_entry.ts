/** Which boot entry of a partition shall be started: the one its own boot loader would take, but never a recovery one. */

import { type BootEntry, BootError, type BootFiles, type BootLoadSettings } from "./entry.ts";
import { parseStiefelsystemJson, stiefelsystemJsonName } from "./stiefelsystem_json.ts";

export interface FindBootEntryOptions {
  /** `boot.load` of the configuration; what it names wins over everything on the disk. */
  readonly load?: BootLoadSettings | undefined;
}

/** An entry as a configuration states it: paths not yet looked for. */
export interface NamedEntry {
  readonly title: string;
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly commandLine: string;
  readonly notices: readonly string[];
}

/**
 * Directories that can be /boot: a boot partition of its own, a root partition, and the root subvolumes that installers of Arch, Debian and Fedora
 * make on btrfs, seen from the top of the file system.
 */
export const bootDirectories = ["", "/boot", "/@/boot", "/@rootfs/boot", "/root/boot"] as const;

/**
 * @returns the entry, its files looked up; undefined when nothing on the partition looks like a boot configuration
 * @throws {BootError} when there is one that cannot be used
 */
export async function findBootEntry(
  files: BootFiles,
  options: FindBootEntryOptions = {},
): Promise<BootEntry | undefined> {
  const configured = options.load;
  for (const directory of bootDirectories) {
    const path = `${directory}/${stiefelsystemJsonName}`;
    const stated = await files.exists(path) ? parseStiefelsystemJson(await files.readText(path), path) : undefined;
    const load = { ...stated, ...dropAbsent(configured ?? {}) };
    if (load.kernel === undefined) continue;
    if (!await files.exists(`${directory === "" ? "/" : directory}`)) continue;
    return await locate(files, directory, {
      title: "stiefelsystem.json",
      kernel: load.kernel,
      initrds: asList(load.initrd),
      commandLine: asList(load.cmdline).join(" "),
      notices: [],
    }, { loader: configured?.kernel === undefined ? "stiefelsystem.json" : "configuration", source: path });
  }
  return undefined;
}

function dropAbsent(load: BootLoadSettings): BootLoadSettings {
  return Object.fromEntries(Object.entries(load).filter(([, value]) => value !== undefined && value.length > 0));
}

function asList(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

/** @throws {BootError} "no-boot-entry" when a file of the entry is not on the partition */
async function locate(
  files: BootFiles,
  directory: string,
  entry: NamedEntry,
  origin: Pick<BootEntry, "loader" | "source">,
): Promise<BootEntry> {
  const find = async (path: string): Promise<string> => {
    for (const candidate of pathCandidates(directory, path)) {
      if (await files.exists(candidate)) return candidate;
    }
    throw new BootError("no-boot-entry", `"${origin.source}" names "${path}", which is not on the boot partition`, {
      hints: [`Looked for: ${pathCandidates(directory, path).join(", ")}`],
    });
  };
  const kernel = await find(entry.kernel);
  const initrds: string[] = [];
  for (const initrd of entry.initrds) initrds.push(await find(initrd));
  return { ...entry, kernel, initrds, ...origin };
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
