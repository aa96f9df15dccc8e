/** Finding the files that a boot configuration names on the partition it is on. */

import type { BootFiles } from "./entry.ts";
import { pathCandidates } from "./path_candidates.ts";

export interface NamedFiles {
  readonly kernel: string;
  readonly initrds: readonly string[];
}

export type Located = NamedFiles | { readonly missing: string };

export interface LocateOptions {
  /** Boot directory of the configuration. */
  readonly directory: string;
  /** As FAT does it, which is what the firmware reads. */
  readonly ignoresCase?: boolean;
}

/** Paths as they are on the partition, or the first one that is not there. */
export async function locateFiles(files: BootFiles, named: NamedFiles, options: LocateOptions): Promise<Located> {
  const kernel = await locateFile(files, named.kernel, options);
  if (kernel === undefined) return { missing: named.kernel };
  const initrds: string[] = [];
  for (const initrd of named.initrds) {
    const path = await locateFile(files, initrd, options);
    if (path === undefined) return { missing: initrd };
    initrds.push(path);
  }
  return { kernel, initrds };
}

export async function locateFile(
  files: BootFiles,
  path: string,
  { directory, ignoresCase = false }: LocateOptions,
): Promise<string | undefined> {
  const candidates = pathCandidates(directory, path);
  for (const candidate of candidates) if (await files.exists(candidate)) return candidate;
  if (!ignoresCase) return undefined;
  for (const candidate of candidates) {
    const path = await findIgnoringCase(files, candidate);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** The path with the names as they are spelled on the partition; undefined for a missing file. */
export async function findIgnoringCase(files: BootFiles, path: string): Promise<string | undefined> {
  if (await files.exists(path)) return path;
  let located = "";
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const names = await files.list(located === "" ? "/" : located);
    const match = names.includes(name) ? name : names.find((other) => other.toLowerCase() === name.toLowerCase());
    if (match === undefined) return undefined;
    located += `/${match}`;
  }
  return located === "" ? undefined : located;
}
