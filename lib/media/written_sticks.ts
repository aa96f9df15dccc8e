/** The file in the build folder that says which sticks were written from there, and with which image. Pure. */

import * as v from "valibot";
import { readJson } from "../formats/json.ts";
import type { BlockDevice } from "../system/facts.ts";
import { formatBytes } from "../format_bytes.ts";
import { LAPTOP_KEYS_MAX } from "../laptop_keys.ts";

export const writtenSticksName = "sticks.json";

/** So many are remembered, the ones written last. */
const maximumSticks = 32;

const SticksSchema = v.strictObject({
  version: v.literal(1),
  sticks: v.pipe(
    v.array(v.strictObject({
      /** Model, serial number and size: for people, and to know it again. */
      name: v.string(),
      /** Of the image's initrd, in hexadecimal. */
      initrdSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      /** Fingerprints of its keys, when it has several. */
      keys: v.exactOptional(v.pipe(v.array(v.string()), v.maxLength(1 + LAPTOP_KEYS_MAX))),
    })),
    v.maxLength(maximumSticks),
  ),
});

export type WrittenSticks = v.InferOutput<typeof SticksSchema>["sticks"];

/** @returns no sticks for anything else */
export function parseWrittenSticks(text: string): WrittenSticks {
  return readJson(SticksSchema, text)?.sticks ?? [];
}

/** The file after a stick was written. */
export function noteStick(before: WrittenSticks, stick: WrittenSticks[number]): string {
  const sticks = [...before.filter(({ name }) => name !== stick.name), stick].slice(-maximumSticks);
  return `${JSON.stringify({ version: 1, sticks }, null, 2)}\n`;
}

export function nameStick({ vendor, model, serial, sizeBytes }: BlockDevice): string {
  const words = [vendor, model, serial].filter((word) => word !== undefined && word.trim() !== "");
  return [...words, formatBytes(sizeBytes)].join(" ").replace(/\s+/g, " ").slice(0, 120);
}
