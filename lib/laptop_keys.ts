/**
 * Keys of other laptops, for a stick or a client that starts from several: one file for each, named by its laptop, in
 * the folder `aes-keys` beside `aes-key`. The machine's own key is the one it listens to as a laptop; these it only
 * asks with as a desktop, so they go onto sticks and never into what a laptop serves with.
 */

import { commandToType } from "./command_to_type.ts";
import { ExitCode, UserError } from "./errors.ts";
import { sameBytes } from "./formats/bytes.ts";
import { DISCOVERY_KEYS_MAX } from "./protocol/discovery_search.ts";
import { keyFingerprint, SHARED_KEY_BYTES } from "./protocol/keys.ts";
import type { System } from "./system/system.ts";

/** Beside the machine's own: a desktop asks once with each. */
export const LAPTOP_KEYS_MAX = DISCOVERY_KEYS_MAX - 1;

export interface LaptopKey {
  /** What people call the laptop. */
  readonly name: string;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** Whose key it is, and by what people tell it from others. */
export interface NamedFingerprint {
  readonly name: string;
  readonly keyFingerprint: string;
}

/** @param keyPath of the own key: "/etc/stiefelsystem/aes-key" has "/etc/stiefelsystem/aes-keys" */
export function laptopKeysFolder(keyPath: string): string {
  return `${keyPath}s`;
}

/** A host name, which is a file's name, too. */
export function isLaptopKeyName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name);
}

/**
 * Those that are there, by name; none without the folder.
 * @throws {UserError} when one of them is no usable key, others can read it, it is there twice, or there are too many
 */
export async function readLaptopKeys(
  system: Pick<System, "readDirectory" | "readFile" | "stat">,
  { keyPath, own }: { readonly keyPath: string; readonly own?: Uint8Array | undefined },
): Promise<readonly LaptopKey[]> {
  const folder = laptopKeysFolder(keyPath);
  if (await system.stat(folder) === undefined) return [];
  // What an editor or a write that was cut off has left.
  const names = (await system.readDirectory(folder)).filter((name) => !name.startsWith("."));
  if (names.length > LAPTOP_KEYS_MAX) {
    throw refuse(`There are ${names.length} keys in "${folder}": a stick holds ${LAPTOP_KEYS_MAX} of other laptops`, [
      `${commandToType("key", { arguments: "forget --laptop NAME" })} takes one away`,
    ]);
  }
  const keys: LaptopKey[] = [];
  for (const name of names) {
    const key = await readLaptopKey(system, `${folder}/${name}`, name);
    const same = own !== undefined && sameBytes(key, own) ? keyPath : keys.find((one) => sameBytes(one.key, key))?.name;
    if (same !== undefined) {
      throw refuse(`The key of the laptop "${name}" is there twice: it is that of "${same}", too`, [howToForget(name)]);
    }
    keys.push({ name, key });
  }
  return keys;
}

export async function nameFingerprints(keys: readonly LaptopKey[]): Promise<readonly NamedFingerprint[]> {
  return await Promise.all(
    keys.map(async ({ name, key }) => ({ name, keyFingerprint: await keyFingerprint(key) })),
  );
}

async function readLaptopKey(
  system: Pick<System, "readFile" | "stat">,
  path: string,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bad = (found: string): UserError =>
    refuse(`The key "${path}" cannot be used: found ${found}, wanted ${SHARED_KEY_BYTES} random bytes, mode 0600`, [
      isLaptopKeyName(name) ? howToForget(name) : "Remove it, or move it away",
    ]);
  if (!isLaptopKeyName(name)) throw bad("a name that no laptop has");
  const status = await system.stat(path);
  if (status?.kind !== "file") throw bad(status === undefined ? "nothing" : `a ${status.kind}`);
  if ((status.mode & 0o077) !== 0) throw bad("a file that others can read or change");
  if (status.sizeBytes !== SHARED_KEY_BYTES) throw bad(`${status.sizeBytes} bytes`);
  const key = await system.readFile(path);
  if (key.length !== SHARED_KEY_BYTES) throw bad(`${key.length} bytes`);
  if (key.every((byte) => byte === key[0])) throw bad("the same byte again and again");
  return key;
}

function howToForget(name: string): string {
  return `${commandToType("key", { arguments: `forget --laptop ${name}` })} takes it away`;
}

function refuse(message: string, hints: readonly string[]): UserError {
  return new UserError(message, { hints, exitCode: ExitCode.usage });
}
