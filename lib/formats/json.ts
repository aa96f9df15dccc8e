/**
 * JSON in exactly one form: UTF-8, compact, no key twice, no unknown key, every size bounded. Messages name the place
 * of a mistake and what must stand there, never what was found: a field may hold a passphrase.
 */
import * as v from "valibot";
import { ProtocolError } from "../errors.ts";
import { decodeUtf8, encodeUtf8, isPrintable } from "./text.ts";

/** A text shown to people, bounded in bytes. */
export function printable(maxBytes: number): v.GenericSchema<string, string> {
  return v.pipe(v.string(), v.maxBytes(maxBytes), v.check(isPrintable, "has control characters"));
}

/** A whole number within bounds, both included. */
export function integer(least: number, most: number): v.GenericSchema<number, number> {
  return v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));
}

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
/** What a schema accepts, not to be changed. */
export type Parsed<Schema extends v.GenericSchema> = DeepReadonly<v.InferOutput<Schema>>;

export interface JsonFormat<Value> {
  /** Names the document in messages: "The boot exchange message". */
  readonly what: string;
  readonly schema: v.GenericSchema<unknown, Value>;
  readonly maxBytes: number;
}

/**
 * Reads a document in its one form.
 * @throws ProtocolError oversize or malformed
 */
export function parseJson<Value>(bytes: Uint8Array, format: JsonFormat<Value>): Value {
  if (bytes.length > format.maxBytes) {
    throw new ProtocolError(
      "oversize",
      `${format.what} has ${bytes.length} bytes, at most ${format.maxBytes} are accepted`,
    );
  }
  const text = decodeUtf8(bytes, format.what);
  const value = readCanonical(text, format.what);
  return check(value, format);
}

/**
 * JSON.parse, and the text must be what JSON.stringify makes of it again: no blanks, no key twice, one way to write a
 * number.
 */
function readCanonical(text: string, what: string): unknown {
  let isCanonical = false;
  let value: unknown;
  try {
    value = JSON.parse(text);
    isCanonical = JSON.stringify(value) === text;
  } catch {
    // The parser's own message quotes the text: not passed on.
    throw new ProtocolError("malformed", `${what} is not JSON`);
  }
  if (!isCanonical) throw new ProtocolError("malformed", `${what} is not in the compact form of JSON`);
  return value;
}

function check<Value>(value: unknown, { what, schema }: JsonFormat<Value>): Value {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue);
  // An unknown key is a name chosen by the peer: only names made of letters are repeated.
  const where = place !== null && /^[A-Za-z0-9.]{1,64}$/.test(place) ? `"${place}"` : "a key";
  throw new ProtocolError("malformed", `${what} is unacceptable at ${where}`);
}

/**
 * Writes a document in its one form, having checked it as the reader will.
 * @throws ProtocolError oversize or malformed
 */
export function formatJson<Value>(value: Value, format: JsonFormat<Value>): Uint8Array<ArrayBuffer> {
  check(value, format);
  const bytes = encodeUtf8(JSON.stringify(value));
  if (bytes.length > format.maxBytes) {
    throw new ProtocolError(
      "oversize",
      `${format.what} has ${bytes.length} bytes, at most ${format.maxBytes} are accepted`,
    );
  }
  return bytes;
}

/**
 * The text of a file that holds one document: a line of JSON and a newline.
 * @throws ProtocolError malformed or oversize
 */
export function formatJsonLine<Value>(value: Value, format: JsonFormat<Value>): string {
  return `${decodeUtf8(formatJson(value, format), format.what)}\n`;
}

/**
 * Reads such a file.
 * @throws ProtocolError truncated (no newline at the end), malformed or oversize
 */
export function parseJsonLine<Value>(text: string, format: JsonFormat<Value>): Value {
  if (!text.endsWith("\n")) throw new ProtocolError("truncated", `${format.what} does not end with a newline`);
  return parseJson(encodeUtf8(text.slice(0, -1)), format);
}

/**
 * A file in any form of JSON, as far as this program knows what is in it.
 * @returns undefined for anything else: damaged, or written by another version
 */
export function readJson<Value>(schema: v.GenericSchema<unknown, Value>, file: string | Uint8Array): Value | undefined {
  try {
    const text = typeof file === "string" ? file : decodeUtf8(file, "It");
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
