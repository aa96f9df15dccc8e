/** Bytes of a file that a person has written -> text, or the place of the first byte that is no UTF-8. Pure. */

import type { Diagnostic } from "./diagnostics.ts";
import { mayHoldPassword } from "./excerpt.ts";

export type DecodedText =
  | { readonly text: string }
  /** `text` is the file as Latin-1, to show the place. */
  | { readonly text: string; readonly problem: Diagnostic; readonly cure: string };

/** @param fileName for the command that converts it */
export function decodeText(bytes: Uint8Array, fileName: string): DecodedText {
  const wide = findWideEncoding(bytes);
  if (wide !== undefined) {
    const text = new TextDecoder(wide).decode(bytes);
    return problemAt(text, { line: 1, column: 1, found: `text in ${wide.toUpperCase()}` }, { from: wide, fileName });
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    const offset = findInvalidByte(bytes);
    const before = new TextDecoder().decode(bytes.subarray(0, offset)).split(/\r\n|\n|\r/);
    const byte = (bytes[offset] ?? 0).toString(16).toUpperCase().padStart(2, "0");
    const latin = new TextDecoder("latin1").decode(bytes.subarray(offset, offset + 1));
    const meaning = /[\xa0-\xff]/.test(latin) ? ` ("${latin}" in Latin-1)` : "";
    const place = { line: before.length, column: (before.at(-1) ?? "").length + 1 };
    // What comes before the place is UTF-8 and keeps its columns.
    const text = `${new TextDecoder().decode(bytes.subarray(0, offset))}${
      new TextDecoder("latin1").decode(bytes.subarray(offset))
    }`;
    const isSecret = mayHoldPassword(text, place.line);
    const found = isSecret ? "a byte that is no UTF-8 (not shown)" : `the byte 0x${byte}${meaning}, which is no UTF-8`;
    return problemAt(text, { ...place, found }, { from: "latin1", fileName });
  }
}

function problemAt(
  text: string,
  place: { readonly line: number; readonly column: number; readonly found: string },
  { from, fileName }: { readonly from: string; readonly fileName: string },
): DecodedText {
  return {
    text,
    problem: { level: "error", ...place, wanted: "text in UTF-8" },
    cure: `Convert it: iconv -f ${from} -t utf-8 -o "${fileName}.utf-8" "${fileName}"`,
  };
}

/** By the mark at its start, or by the zero bytes of plain ASCII. */
function findWideEncoding([first, second]: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (first === 0xff && second === 0xfe || (first !== 0 && second === 0 && first !== undefined)) return "utf-16le";
  return first === 0xfe && second === 0xff || (first === 0 && second !== 0 && second !== undefined)
    ? "utf-16be"
    : undefined;
}

/** The first byte that no UTF-8 sequence goes through (RFC 3629, section 4). */
function findInvalidByte(bytes: Uint8Array): number {
  const at = (index: number): number => bytes[index] ?? 0;
  for (let index = 0; index < bytes.length;) {
    const lead = at(index);
    if (lead < 0x80) {
      index++;
      continue;
    }
    const length = lead >= 0xc2 && lead < 0xe0
      ? 2
      : lead >= 0xe0 && lead < 0xf0
      ? 3
      : lead >= 0xf0 && lead < 0xf5
      ? 4
      : 0;
    const isWhole = length > 0 && index + length <= bytes.length && canDecode(bytes.subarray(index, index + length));
    if (!isWhole) return index;
    index += length;
  }
  return bytes.length;
}

function canDecode(sequence: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(sequence);
    return true;
  } catch {
    return false;
  }
}
