/** The file by which a stick is known as ours: who it was made for. Format and parse. Pure. */

import * as v from "valibot";
import { readJson } from "../formats/json.ts";
import { LAPTOP_PARAMETER, laptopParameters } from "../formats/laptop_word.ts";
import { isMenuParameter } from "../formats/menu_parameter.ts";
import { LAPTOP_KEYS_MAX, type NamedFingerprint } from "../laptop_keys.ts";

export const stickRecordPath = "stiefel/stick.json";

/** A stick is carried around and read by anyone: this bounds what is believed of it. */
const maximumBytes = 64 * 1024;
const maximumLaptops = 64;
const maximumParameters = 64;

const Fingerprint = v.pipe(v.string(), v.regex(/^[0-9a-f]{4}(?:-[0-9a-f]{4}){3}$/));
const Named = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]{1,64}$/)),
  keyFingerprint: Fingerprint,
});
const RecordSchema = v.strictObject({
  version: v.literal(1),
  /** Of the own key of the stick (lib/protocol/keys.ts). */
  keyFingerprint: Fingerprint,
  /** Of the keys of other laptops on it; absent: none. */
  keys: v.exactOptional(v.pipe(v.array(Named), v.minLength(1), v.maxLength(LAPTOP_KEYS_MAX))),
  /** Laptops from which the stick was written: which key they had then. */
  laptops: v.pipe(
    v.array(Named),
    v.maxLength(maximumLaptops),
  ),
  /** Kernel parameters that were asked for: an update keeps them. */
  parameters: v.pipe(v.array(v.pipe(v.string(), v.check(isMenuParameter))), v.maxLength(maximumParameters)),
});

export type StickRecord = Readonly<v.InferOutput<typeof RecordSchema>>;

export function formatStickRecord(record: StickRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** @returns undefined for anything else */
export function parseStickRecord(bytes: Uint8Array): StickRecord | undefined {
  if (bytes.length > maximumBytes) return undefined;
  return readJson(RecordSchema, bytes);
}

/**
 * The record of a stick that is written: what it knew, and the laptop it is written from.
 * @param now.parameters absent: as before. @param now.defaultLaptop absent: as before, empty: none any more
 */
export function nextStickRecord(
  before: StickRecord | undefined,
  now: {
    readonly keyFingerprint: string;
    /** Of other laptops. */
    readonly keys?: readonly NamedFingerprint[];
    readonly laptopName?: string | undefined;
    readonly parameters?: readonly string[] | undefined;
    readonly defaultLaptop?: string | undefined;
  },
): StickRecord {
  const { keyFingerprint, keys = [], laptopName } = now;
  const others = (before?.laptops ?? []).filter(({ name }) => name !== laptopName);
  const own = laptopName === undefined ? [] : [{ name: laptopName, keyFingerprint }];
  return {
    version: 1,
    keyFingerprint,
    ...keys.length === 0 ? {} : { keys: [...keys] },
    laptops: [...others, ...own].slice(-maximumLaptops),
    parameters: nextParameters(before?.parameters ?? [], now),
  };
}

/** Both are asked for apart, and kept apart. */
function nextParameters(
  before: readonly string[],
  now: { readonly parameters?: readonly string[] | undefined; readonly defaultLaptop?: string | undefined },
): string[] {
  const isLaptop = (parameter: string): boolean => parameter.startsWith(`${LAPTOP_PARAMETER}=`);
  const parameters = now.parameters ?? before.filter((parameter) => !isLaptop(parameter));
  if (now.defaultLaptop !== undefined) {
    return [...parameters.filter((parameter) => !isLaptop(parameter)), ...laptopParameters(now.defaultLaptop)];
  }
  return parameters.some(isLaptop) ? [...parameters] : [...parameters, ...before.filter(isLaptop)];
}

/** Fingerprints of all keys that are on the stick. */
export function keysOf({ keyFingerprint, keys = [] }: StickRecord): ReadonlySet<string> {
  return new Set([keyFingerprint, ...keys.map((key) => key.keyFingerprint)]);
}

/** Laptops that answered to the stick as it is, and will not to what it becomes: by name, each once. */
export function listSilenced(before: StickRecord, after: StickRecord): readonly string[] {
  const [had, has] = [keysOf(before), keysOf(after)];
  const answering = (record: StickRecord, keys: ReadonlySet<string>): readonly NamedFingerprint[] =>
    [...record.laptops, ...record.keys ?? []].filter(({ keyFingerprint }) => keys.has(keyFingerprint));
  const still = answering(after, has).map(({ name }) => name);
  const gone = answering(before, had).filter(({ name, keyFingerprint }) =>
    !has.has(keyFingerprint) && !still.includes(name)
  );
  return [...new Set(gone.map(({ name }) => name))];
}
