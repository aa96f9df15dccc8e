/** The keys a desktop asks with: its own, and those of other laptops that its stick holds. */
import { AGENT_KEY_PATH } from "../../lib/formats/agent_settings.ts";
import { toLaptopWord } from "../../lib/formats/laptop_word.ts";
import { readLaptopKeys } from "../../lib/laptop_keys.ts";
import { importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { deriveKeys, keyFingerprint } from "../../lib/protocol/keys.ts";
import type { System } from "../../lib/system/system.ts";
import type { Environment } from "../shared/environment.ts";
import type { Preference } from "./heard_laptops.ts";

export interface ClientKey {
  /** Of its laptop; absent: the own key, which several laptops may have. */
  readonly name?: string;
  readonly fingerprint: string;
  readonly discoveryKey: CryptoKey;
  readonly bootPsk: Uint8Array;
}

/**
 * The own key first. Each is used for itself alone: what one of them proves says nothing about another.
 * @param keyPath of the own key. Default: its place inside the image @throws {UserError} when one of them is unusable
 */
export async function readClientKeys(
  system: System,
  { keys: own, keyFingerprint: fingerprint }: Pick<Environment, "keys" | "keyFingerprint">,
  keyPath: string = AGENT_KEY_PATH,
): Promise<readonly ClientKey[]> {
  const others = await readLaptopKeys(system, { keyPath, own: own.sharedKey });
  return [
    { fingerprint, discoveryKey: own.discoveryKey, bootPsk: own.bootPsk },
    ...await Promise.all(others.map(async ({ name, key }): Promise<ClientKey> => {
      const { discoveryKey, bootPsk } = await deriveKeys(key);
      const imported = await importDiscoveryKey(discoveryKey);
      return { name, fingerprint: await keyFingerprint(key), discoveryKey: imported, bootPsk };
    })),
  ];
}

/** @throws {TypeError} when there is none */
export function keyNamed(keys: readonly ClientKey[], keyName: string | undefined): ClientKey {
  const key = keys.find(({ name }) => name === keyName);
  if (key === undefined) throw new TypeError("A laptop was believed by a key that is not there");
  return key;
}

/**
 * Whom the stick's default means: the laptop with the key of that name, or one with the own key that calls itself so.
 * Pure.
 */
export function findPreference(
  keys: readonly Pick<ClientKey, "name">[],
  preferred: string | undefined,
): Preference {
  const preferredKey = keys.find(({ name }) => name !== undefined && toLaptopWord(name) === preferred)?.name;
  return { preferred, preferredKey };
}
