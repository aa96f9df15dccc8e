/** What the operating system says about a file or folder that we may not use, in words that name the way out. */

import { dirname } from "node:path/posix";
import { ExitCode, quoteCommand, UserError } from "./errors.ts";
import type { FileStatus, System } from "./system/system.ts";

export interface Access {
  /** With a capital: "The shared key". */
  readonly what: string;
  readonly path: string;
  /** The word after "cannot be". */
  readonly attempt: "read" | "made" | "written";
  /** The option of a command that names another folder: "--cache-dir". */
  readonly option?: string;
  /** Default `failed`. */
  readonly exitCode?: ExitCode;
}

/** @throws {UserError} in place of a refusal by the operating system; anything else as it comes */
export async function accessing<Value>(system: System, access: Access, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw await explainRefusal(system, access, error);
  }
}

export interface Folder {
  /** With a capital: "The cache folder". */
  readonly what: string;
  readonly path: string;
  /** That names another one: "--cache-dir". */
  readonly option?: string;
  /** Permission bits of a new one. Default 0o755. */
  readonly mode?: number;
  /** The user named a file in it: it is not made. */
  readonly mustExist?: boolean;
}

/**
 * Makes the folder, and a folder in it for a moment: before the questions and the work whose result goes there.
 * @throws {UserError} that says why that cannot be, and what to do
 */
export async function demandWritable(
  system: System,
  { mode = 0o755, mustExist = false, ...folder }: Folder,
): Promise<void> {
  const { what, path } = folder;
  await accessing(system, { ...folder, attempt: "written" }, async () => {
    if (mustExist && await system.stat(path) === undefined) {
      throw new UserError(`${what} "${path}" is not there`, {
        hints: [`Make it: ${quoteCommand(["mkdir", "-p", path])}`],
      });
    }
    await system.makeDirectory(path, { mode });
    await system.removeOne(await system.makeTempDirectory({ parent: path, prefix: ".unfinished-" }));
  });
}

/** What only root may look at is answered with `otherwise`, so that a command is of use to others, too. */
export async function unlessRefused<T, O>(work: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return otherwise;
    throw error;
  }
}

/** @returns the error itself when it is no refusal */
async function explainRefusal(
  system: System,
  { what, path, attempt, option, exitCode = ExitCode.failed }: Access,
  error: unknown,
): Promise<unknown> {
  const refuse = (found: string, hints: readonly string[]): UserError =>
    new UserError(`${what} "${path}" cannot be ${attempt}: ${found}`, { hints, exitCode, cause: error });
  if (!(error instanceof Error)) return error;
  const reason = explainWrite(error, option);
  if (reason !== undefined) return refuse(reason.found, reason.hints);
  if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
    return refuse("something other than a folder is in its place", ["Move it away, or name another folder"]);
  }
  if (!(error instanceof Deno.errors.PermissionDenied)) return error;
  return refuse(...await describeOwner(system, path));
}

interface Reason {
  readonly found: string;
  readonly hints: readonly string[];
}

/**
 * What stands in the way of writing, whatever the owner of the place. Pure.
 * @param option of a command that names another folder
 * @returns undefined for another error
 */
export function explainWrite(error: Error, option?: string): Reason | undefined {
  const withOption = option === undefined ? "" : ` with "${option}"`;
  const code = "code" in error ? String(error.code) : "";
  if (error.name === "NotCapable") {
    return {
      found: "this program may not write below /dev, /proc and /sys",
      hints: [`Name a folder on a disk or in /tmp${withOption}`],
    };
  }
  if (code === "ENOSPC" || /No space left on device/.test(error.message)) {
    return {
      found: "no space is left on its file system",
      hints: [`Make room there, or name another folder${withOption}`],
    };
  }
  if (code === "EDQUOT" || /Disk quota exceeded/.test(error.message)) {
    return { found: "your quota on its file system is used up", hints: ["Make room there"] };
  }
  if (code === "EROFS" || /Read-only file system/.test(error.message)) {
    return { found: "its file system is mounted read-only", hints: [`Name a folder that can be written${withOption}`] };
  }
  return undefined;
}

/** Whose it is, and the command that makes it ours. */
async function describeOwner(system: System, path: string): Promise<[found: string, hints: readonly string[]]> {
  const place = await findOwned(system, path);
  if (place === undefined) return ["you may not look there", [`See: ${quoteCommand(["ls", "-ld", dirname(path)])}`]];
  const name = place.path === path ? "it" : `"${place.path}"`;
  if (place.status.uid !== 0) {
    const found = `${name} belongs to another user (id ${place.status.uid})`;
    return [found, [`See: ${quoteCommand(["ls", "-ld", place.path])}`]];
  }
  return [
    `${name} belongs to root, as when an earlier command ran with sudo`,
    [...cureOwner(place), "Or name another place, or run this command with sudo, too"],
  ];
}

/** Where people keep their files; elsewhere a hint must not make anyone change owners. */
const peoplesFolders = /^\/(?:home|tmp|var\/tmp|srv|mnt|media|run\/media)\/[^/]/;

function cureOwner({ path, status }: OwnedPlace): readonly string[] {
  if (status.kind === "file") return [`Make it yours: sudo chown "$USER" ${quoteCommand([path])}`];
  return peoplesFolders.test(path) ? [`Make it yours: sudo chown -R "$USER" ${quoteCommand([path])}`] : [];
}

interface OwnedPlace {
  readonly path: string;
  readonly status: FileStatus;
}

/** The path itself, or the first folder above it that is there and that we may look at. */
async function findOwned(system: System, path: string): Promise<OwnedPlace | undefined> {
  for (let at = path;; at = dirname(at)) {
    const status = await system.stat(at).catch(() => undefined);
    if (status !== undefined) return { path: at, status };
    if (at === dirname(at)) return undefined;
  }
}
