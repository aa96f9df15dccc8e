/** The shared key as a line that people copy by hand or on a stick: digits in groups, and a sum. Pure. */

import { keyFingerprint, SHARED_KEY_BYTES } from "./protocol/keys.ts";

/** Hexadecimal digits of the fingerprint that follow the key's own: a slip of the pen is seen. */
const sumDigits = 4;

/** 16 groups of four hexadecimal digits, and one for the sum: "0102-0304-…-9b1c". */
export async function formatKeyText(key: Uint8Array): Promise<string> {
  const digits = key.toHex() + await sumOf(key);
  return (digits.match(/.{4}/g) ?? []).join("-");
}

export type ReadKeyText =
  | { readonly key: Uint8Array<ArrayBuffer> }
  /** What is wrong, after "The key". Nothing of the key is in it. */
  | { readonly problem: string };

/** Takes upper and lower case, blanks and line breaks for hyphens, and no other text. */
export async function parseKeyText(text: string): Promise<ReadKeyText> {
  const digits = text.replaceAll(/[\s-]/g, "").toLowerCase();
  const expected = 2 * SHARED_KEY_BYTES + sumDigits;
  if (!/^[0-9a-f]*$/.test(digits)) return { problem: "has characters other than 0 to 9, a to f and hyphens" };
  if (digits.length !== expected) return { problem: `has ${digits.length} digits, wanted ${expected}` };
  const key = Uint8Array.fromHex(digits.slice(0, -sumDigits));
  if (await sumOf(key) !== digits.slice(-sumDigits)) return { problem: "was copied with a mistake: its sum is wrong" };
  return { key };
}

async function sumOf(key: Uint8Array): Promise<string> {
  return (await keyFingerprint(key)).slice(0, sumDigits);
}
