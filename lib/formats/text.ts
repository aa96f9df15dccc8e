/**
 * Text that crosses the wire and is then shown to a person. What comes from another machine must not be able to move
 * the cursor, hide words or flood a console, so every such field is bounded in bytes and free of control and invisible
 * format characters.
 */
import { ProtocolError } from "../errors.ts";

/**
 * Control characters, invisible format characters (bidirectional overrides among them), surrogates, line and paragraph
 * separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE, "gu");

const encoder = new TextEncoder();
/**
 * `fatal`: bytes that are not UTF-8 are refused, not replaced. `ignoreBOM`: a byte order mark stays visible, so it is
 * refused later.
 */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a text as UTF-8. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/**
 * The text of UTF-8 bytes.
 * @param what names the field in the message
 * @throws ProtocolError malformed, when the bytes are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ProtocolError("malformed", `${what} is not UTF-8 text`);
  }
}

/** Whether a text has no control or invisible characters. */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text);
}

/**
 * A text made fit for a field that is shown to people: unprintable characters become "?", the end is cut at a
 * character.
 * @param maxBytes bound on the UTF-8 length
 */
export function toPrintable(text: string, maxBytes: number): string {
  let result = "";
  let sizeBytes = 0;
  for (const character of text.replaceAll(EVERY_UNPRINTABLE, "?")) {
    sizeBytes += encoder.encode(character).length;
    if (sizeBytes > maxBytes) break;
    result += character;
  }
  return result;
}

/** As a JSON string may have them, too: "\\u009b". For JSON that a person may look at on a terminal. */
export function escapeUnprintable(text: string): string {
  return text.replaceAll(
    EVERY_UNPRINTABLE,
    // Those beyond 16 bits are two units.
    (character) => character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
}
