/**
 * The code of a pairing (doc/protocol.md, "Pairing"): shown on one screen, typed on another. Pure, but for the
 * stretching.
 */
import { encodeUtf8 } from "../formats/text.ts";
import { KEY_BYTES } from "./primitives.ts";

/** Digits and letters without I, L, O and U (Douglas Crockford's base 32): each character is worth five bits. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** Twelve characters: 60 random bits. */
const codeCharacters = 12;
const groupCharacters = 4;
/** What people read for another character. */
const lookAlikes: ReadonlyMap<string, string> = new Map([["O", "0"], ["I", "1"], ["L", "1"]]);

/** One random byte for each character, of which five bits are used. */
export const CODE_RANDOM_BYTES = codeCharacters;

/** @param random as many bytes as {@link CODE_RANDOM_BYTES} says. @returns twelve characters, without hyphens */
export function makePairingCode(random: Uint8Array): string {
  if (random.length !== CODE_RANDOM_BYTES) throw new RangeError(`A code is made of ${CODE_RANDOM_BYTES} bytes`);
  return Array.from(random, (byte) => alphabet.charAt(byte & 0x1f)).join("");
}

/** As people read it: `ABCD-EFGH-JKMN`. */
export function formatPairingCode(code: string): string {
  return code.match(new RegExp(`.{${groupCharacters}}`, "g"))?.join("-") ?? code;
}

/**
 * What a person has typed: in small or capital letters, with hyphens and blanks or without, and with an O for a zero or
 * an I or L for a one.
 * @returns twelve characters; undefined for what no code can be
 */
export function parsePairingCode(typed: string): string | undefined {
  const characters = [...typed.toUpperCase().replaceAll(/[-\s]/g, "")];
  const code = characters.map((character) => lookAlikes.get(character) ?? character);
  if (code.length !== codeCharacters || !code.every((character) => alphabet.includes(character))) return undefined;
  return code.join("");
}

/**
 * Cost of one guess (RFC 7914): 32 MiB of memory and about a tenth of a second of one processor. A desktop with the
 * least memory has that, too.
 */
const stretch = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

/** The pre-shared key of the pairing's handshake. @param salt of this code */
export async function stretchPairingCode(code: string, salt: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  // Not at the start: modules of Node take long to load, and most agents have a key.
  const { scrypt } = await import("node:crypto");
  return await new Promise((resolve, reject) => {
    scrypt(encodeUtf8(code), salt, KEY_BYTES, stretch, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}
