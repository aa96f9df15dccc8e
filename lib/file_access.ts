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
  { what, path, attempt, exitCode = ExitCode.failed }: Access,
  error: unknown,
): Promise<unknown> {
  const refuse = (found: string, hints: readonly string[]): UserError =>
    new UserError(`${what} "${path}" cannot be ${attempt}: ${found}`, { hints, exitCode, cause: error });
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  if (error.name === "NotCapable") {
    return refuse("this program may not write below /dev, /proc and /sys", ["Name a folder on a disk or in /tmp"]);
  }
  if (code === "ENOSPC" || /No space left on device/.test(error.message)) {
    return refuse("no space is left on its file system", ["Make room there, or name another folder"]);
  }
  if (code === "EDQUOT") return refuse("your quota on its file system is used up", ["Make room there"]);
  if (code === "EROFS" || /Read-only file system/.test(error.message)) {
    return refuse("its file system is mounted read-only", ["Name a folder that can be written"]);
  }
  if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
    return refuse("something else than a folder is in its place", ["Move it away, or name another folder"]);
  }
  if (!(error instanceof Deno.errors.PermissionDenied)) return error;
  return refuse(...await describeOwner(system, path));
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

/** Where what people made lies; elsewhere nobody should change owners because a program says so. */
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
