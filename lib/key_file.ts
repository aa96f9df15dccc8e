/** The shared key: 32 random bytes in the file `aes-key`, the only secret of a set of machines. */

import { dirname } from "node:path/posix";
import { commandToType } from "./command_to_type.ts";
import { ExitCode, quoteCommand, UserError } from "./errors.ts";
import { accessing } from "./file_access.ts";
import {
  type LaptopKey,
  laptopKeysFolder,
  type NamedFingerprint,
  nameFingerprints,
  readLaptopKeys,
} from "./laptop_keys.ts";
import { keyFingerprint, SHARED_KEY_BYTES } from "./protocol/keys.ts";
import type { System } from "./system/system.ts";

/** What makes a key. */
const createInitrd = commandToType("create-initrd");

/** Length of the original's keys. */
const ORIGINAL_KEY_BYTES = 16;
const KEY_MODE = 0o600;
const OTHERS = 0o077;

/**
 * Reads the key, making one first when there is none.
 * @returns `created` tells that images, sticks and laptops made before will not understand this one
 * @throws {UserError} when the file is no usable key, or others can read it
 */
export async function loadOrCreateKey(
  system: System,
  path: string,
): Promise<{ key: Uint8Array<ArrayBuffer>; created: boolean }> {
  if (await system.lstat(path) !== undefined) return { key: await readKey(system, path), created: false };
  const created = await accessing(
    system,
    { what: "The shared key", path, attempt: "made" },
    async () => {
      await system.makeDirectory(dirname(path));
      return await system.createFile(path, system.randomBytes(SHARED_KEY_BYTES), { mode: KEY_MODE });
    },
  );
  // Of several commands that make one at the same time, one succeeds; what is in the file is the key.
  return { key: await readKey(system, path), created };
}

/**
 * Reads the key.
 * @throws {UserError} when there is none, it is no usable key, or others can read it
 */
export async function readKey(system: System, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const access = { what: "The shared key", path, attempt: "read" } as const;
  const status = await accessing(system, access, () => system.stat(path));
  if (status === undefined && await system.lstat(path) !== undefined) {
    throw badKey(path, `a symlink to "${await system.readLink(path)}", which does not exist`, [
      "Bring back the file that it names, or remove the symlink; a new key is made then",
    ]);
  }
  if (status === undefined) {
    throw badKey(path, "nothing", [
      `Run "${createInitrd}", which makes one, or copy the one of your other machines here`,
    ]);
  }
  if (status.kind !== "file") {
    throw badKey(path, `a ${status.kind}`, [`Move it away; "${createInitrd}" makes a key`]);
  }
  if ((status.mode & OTHERS) !== 0) {
    throw badKey(path, `the mode ${formatMode(status.mode)}, which lets others read or change it`, [
      `Run "${quoteCommand(["chmod", "600", path])}", or delete the file when others may have seen the key`,
    ]);
  }
  if (status.sizeBytes !== SHARED_KEY_BYTES) {
    throw badKey(path, `${status.sizeBytes} bytes`, lengthHints(status.sizeBytes));
  }
  const key = await accessing(system, access, () => system.readFile(path));
  // The file may have changed in between.
  if (key.length !== SHARED_KEY_BYTES) throw badKey(path, `${key.length} bytes`, lengthHints(key.length));
  if (key.every((byte) => byte === key[0])) {
    throw badKey(path, `the same byte ${SHARED_KEY_BYTES} times`, ["Delete the file; a new key is made"]);
  }
  return key;
}

/**
 * Reads the keys of other laptops beside the own one.
 * @throws {UserError} when one of them cannot be used, or may not be read
 */
export async function readKeysBeside(
  system: System,
  { keyPath, own }: { readonly keyPath: string; readonly own: Uint8Array | undefined },
): Promise<readonly LaptopKey[]> {
  const access = {
    what: "The folder of other laptops' keys",
    path: laptopKeysFolder(keyPath),
    attempt: "read",
  } as const;
  return await accessing(system, access, () => readLaptopKeys(system, { keyPath, own }));
}

/** By what people know the keys that a stick gets. @throws {UserError} when one of them cannot be used */
export async function fingerprintKeys(system: System, keyPath: string): Promise<KeyFingerprints> {
  const own = await readKey(system, keyPath);
  const others = await readKeysBeside(system, { keyPath, own });
  return { own: await keyFingerprint(own), others: await nameFingerprints(others) };
}

export interface KeyFingerprints {
  readonly own: string;
  /** Of other laptops. */
  readonly others: readonly NamedFingerprint[];
}

function badKey(path: string, found: string, hints: readonly string[]): UserError {
  const wanted = `a file of ${SHARED_KEY_BYTES} random bytes, mode 0600`;
  return new UserError(`The shared key "${path}" cannot be used: found ${found}, wanted ${wanted}`, {
    hints,
    exitCode: ExitCode.usage,
  });
}

function lengthHints(length: number): readonly string[] {
  const next =
    `Delete the file; "${createInitrd}" makes a new key, and images, sticks and laptops have to be set up again`;
  return length === ORIGINAL_KEY_BYTES
    ? ["It looks like a key of the original Stiefelsystem, whose keys were shorter", next]
    : [next];
}

function formatMode(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, "0")}`;
}
