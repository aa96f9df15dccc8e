/**
 * The files of a mounted partition as {@link BootFiles}: symlinks are followed inside the partition only, as its own
 * system would.
 */

import { BootError } from "../boot_error.ts";
import type { FilePart } from "../file_part.ts";
import type { System } from "../system/system.ts";
import { type BootFiles, maximumTextBytes } from "./menu/entry.ts";

/** As in path_resolution(7). */
const maximumSymlinks = 40;

export interface MountedFiles extends BootFiles {
  /** Where the partition is mounted. */
  readonly root: string;
  /** @throws {BootError} "unsupported", when there is no such file */
  sizeBytes(path: string): Promise<number>;
  openRead(path: string, part?: FilePart): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

export interface MountedOptions extends Pick<BootFiles, "readBlocks"> {
  /**
   * Mount points below `root`: another partition's files are there, which the partition itself does not have,
   * whatever its links say.
   */
  readonly hidden?: readonly string[];
}

/** Reads under `root`; needs read access there. */
export function readMountedFiles(
  system: System,
  root: string,
  { hidden = [], ...options }: MountedOptions = {},
): MountedFiles {
  async function resolve(path: string): Promise<string | undefined> {
    const realPath = await resolveInside(system, { root, path });
    const isHidden = hidden.some((directory) => realPath?.startsWith(`${root}${directory}/`));
    return isHidden ? undefined : realPath;
  }
  async function find(path: string): Promise<string> {
    const realPath = await resolve(path);
    if (realPath === undefined) throw new BootError("unsupported", `There is no "${path}" on the boot partition`);
    return realPath;
  }
  async function sizeBytes(path: string): Promise<number> {
    const status = await system.lstat(await find(path));
    if (status?.kind !== "file") throw new BootError("unsupported", `"${path}" on the boot partition is not a file`);
    return status.sizeBytes;
  }
  return {
    root,
    sizeBytes,
    readText: async (path) => {
      const size = await sizeBytes(path);
      if (size > maximumTextBytes) {
        const found = `has ${size} bytes, wanted at most ${maximumTextBytes}`;
        throw new BootError("unsupported", `"${path}" on the boot partition ${found}`);
      }
      return await system.readText(await find(path));
    },
    readBytes: async (path, part) => {
      await sizeBytes(path);
      const stream = await system.openRead(await find(path), part);
      return new Uint8Array(await new Response(stream).arrayBuffer());
    },
    list: async (path) => {
      const realPath = await resolve(path);
      if (realPath === undefined || (await system.lstat(realPath))?.kind !== "directory") return [];
      if (hidden.includes(realPath.slice(root.length))) return [];
      return await system.readDirectory(realPath);
    },
    status: async (path) => {
      const realPath = await resolve(path);
      const status = realPath === undefined ? undefined : await system.lstat(realPath);
      if (status?.kind !== "file" && status?.kind !== "directory") return undefined;
      return { kind: status.kind, sizeBytes: status.sizeBytes };
    },
    ...options,
    exists: async (path) => await resolve(path) !== undefined,
    openRead: async (path, part) => await system.openRead(await find(path), part),
  };
}

/**
 * Resolves every symlink and ".." of `path` as if `root` were "/" (as chroot(2) would).
 * @param root "" for the running system's own
 * @returns the real path below `root`, or undefined when there is nothing or the links go in a circle
 */
export async function resolveInside(
  system: System,
  { root, path }: { readonly root: string; readonly path: string },
): Promise<string | undefined> {
  const pending = path.split("/").reverse();
  let resolved: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const name = pending.pop();
    if (name === undefined || name === "" || name === ".") continue;
    if (name === "..") {
      resolved.pop();
      continue;
    }
    const fullPath = [root, ...resolved, name].join("/");
    const kind = (await system.lstat(fullPath))?.kind;
    if (kind === undefined) return undefined;
    if (kind !== "symlink") {
      if (kind !== "directory" && pending.some((rest) => rest !== "")) return undefined;
      resolved.push(name);
      continue;
    }
    if (++links > maximumSymlinks) return undefined;
    const target = await system.readLink(fullPath);
    if (target.startsWith("/")) resolved = [];
    pending.push(...target.split("/").reverse());
  }
  return [root, ...resolved].join("/") || "/";
}
