/**
 * The file tree that is being changed: the running system, or one below a directory (a mounted system, an image tree).
 * The only place that turns host paths into real ones; a symlink inside the tree never leads out of it.
 */

import { UserError } from "../errors.ts";
import { hashFile } from "../hash.ts";
import type { CommandOutput, FileStatus, RunOptions, System } from "../system/system.ts";
import type { FileState } from "./file_state.ts";
import type { HostPath } from "./host_path.ts";

/** As many as the kernel follows (path_resolution(7), ELOOP). */
const maximumSymlinks = 40;

/** Far more than any file of settings, or a kernel's list of modules, has. */
const maximumTextBytes = 64 * 1024 * 1024;

/** What is read in a tree may be anything: a circle of links, or a path through a file, is nothing. */
export interface HostTree {
  /** "" for the running system, else the directory without a slash at its end. */
  readonly prefix: string;
  /** The tree is the system that runs. */
  readonly isRunning: boolean;
  /** Whose everything in the tree is by default: the owner of its top directory. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** The real path; links in the directories before the last name are followed inside the tree. */
  locate(path: HostPath): Promise<string>;
  /** What is there, a symlink not followed. */
  status(path: HostPath): Promise<FileStatus | undefined>;
  /** What is there, symlinks followed inside the tree. */
  statusFollowed(path: HostPath): Promise<FileStatus | undefined>;
  state(path: HostPath): Promise<FileState>;
  /** Text of a file, symlinks followed inside the tree; undefined when there is none. */
  readText(path: HostPath): Promise<string | undefined>;
  /** Whether there is a file or directory, symlinks followed inside the tree. */
  exists(path: HostPath): Promise<boolean>;
  list(path: HostPath): Promise<readonly string[]>;
  /** Runs a program of the tree: as it is in the running system, else in `chroot`. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandOutput>;
  /** The argument list {@link run} would use. */
  commandLine(argv: readonly string[]): readonly string[];
}

/** @throws {UserError} when `root` is no directory */
export async function openHostTree(system: System, root = "/"): Promise<HostTree> {
  const status = await system.stat(root);
  if (status?.kind !== "directory") {
    throw new UserError(`Cannot use "${root}" as a system's root: it is not a directory`, { exitCode: 2 });
  }
  const real = await system.realPath(root);
  const prefix = real === "/" ? "" : real;
  const isRunning = prefix === "";

  const locate = async (path: HostPath): Promise<string> => {
    const place = await walk(path, false);
    if (place === undefined) throw new UserError(`Too many symbolic links on the way to "${path}"`);
    return prefix + place;
  };

  /** Where all links lead; undefined for a circle of them. */
  const find = async (path: HostPath): Promise<string | undefined> => {
    const place = await walk(path, true);
    return place === undefined ? undefined : prefix + place;
  };
  const statusFollowed = async (path: HostPath): Promise<FileStatus | undefined> => {
    const place = await find(path);
    return place === undefined ? undefined : await system.lstat(place);
  };

  /** Like `openat2(2)` with RESOLVE_IN_ROOT, name by name. */
  async function walk(path: HostPath, followLast: boolean): Promise<string | undefined> {
    if (!path.startsWith("/")) throw new TypeError(`Not an absolute path: "${path}"`);
    let pending = path.split("/");
    let current = "";
    for (let links = 0; pending.length > 0;) {
      const [name = "", ...rest] = pending;
      pending = rest;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        current = current.slice(0, Math.max(0, current.lastIndexOf("/")));
        continue;
      }
      const next = `${current}/${name}`;
      const isLast = rest.every((other) => other === "");
      if ((isLast && !followLast) || (await system.lstat(prefix + next))?.kind !== "symlink") {
        current = next;
        continue;
      }
      if (++links > maximumSymlinks) return undefined;
      const target = await system.readLink(prefix + next);
      pending = [...target.split("/"), ...rest];
      if (target.startsWith("/")) current = "";
    }
    return current === "" ? "/" : current;
  }

  const commandLine = (argv: readonly string[]): readonly string[] => {
    // A program that was installed just now: Deno grants to run only what it may not write.
    if (isRunning) return argv[0]?.startsWith("/") ? ["chroot", "/", ...argv] : argv;
    // systemctl and nmcli of the tree could not talk to anything; systemctl edits a tree by itself (systemctl(1),
    // --root=).
    return argv[0] === "systemctl" ? ["systemctl", `--root=${prefix}`, ...argv.slice(1)] : ["chroot", prefix, ...argv];
  };

  return {
    prefix,
    isRunning,
    owner: { uid: status.uid, gid: status.gid },
    locate,
    status: async (path) => await system.lstat(await locate(path)),
    statusFollowed,
    state: async (path) => await readState(system, await locate(path)),
    readText: async (path) => {
      const place = await find(path);
      const status = place === undefined ? undefined : await system.lstat(place);
      if (place === undefined || status?.kind !== "file") return undefined;
      if (status.sizeBytes <= maximumTextBytes) return await system.readText(place);
      throw new UserError(`"${place}" has ${status.sizeBytes} bytes, wanted at most ${maximumTextBytes}`, {
        hints: ["That is no file of settings: move it away"],
      });
    },
    exists: async (path) => await statusFollowed(path) !== undefined,
    list: async (path) => {
      const place = await find(path);
      const status = place === undefined ? undefined : await system.lstat(place);
      return place !== undefined && status?.kind === "directory" ? await system.readDirectory(place) : [];
    },
    run: async (argv, options) => await system.run(commandLine(argv), options),
    commandLine,
  };
}

/** @param place a real path */
export async function readState(system: System, place: string): Promise<FileState> {
  const status = await system.lstat(place);
  if (status === undefined) return { kind: "absent" };
  if (status.kind === "symlink") return { kind: "symlink", target: await system.readLink(place) };
  if (status.kind !== "file") return { kind: "other" };
  const { sizeBytes, mode, uid, gid } = status;
  return { kind: "file", sha256: await hashFile(system, place), sizeBytes, mode, uid, gid };
}
