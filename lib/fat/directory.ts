/**
 * Directories of FAT: entries of 32 bytes, with long names in front of them where a name needs one (specification
 * 1.03). Pure.
 */

const entryBytes = 32;
const attributes = { volumeLabel: 0x08, directory: 0x10, archive: 0x20, longName: 0x0f } as const;
/** 2025-01-01, 00:00: year from 1980, month, day. What is on a stick does not depend on when it was written. */
const date = (2025 - 1980) << 9 | 1 << 5 | 1;
/** The reserved byte 12, as Windows NT and Linux use it: this part of a short name is in small letters. */
const smallBase = 0x08;
const smallExtension = 0x10;
const longNamePart = 13;
const lastLongEntry = 0x40;

export interface FatEntry {
  readonly name: string;
  readonly kind: "file" | "directory";
  /** 0 for an empty file, and for ".." of a directory in the root. */
  readonly cluster: number;
  /** 0 for directories. */
  readonly sizeBytes: number;
}

export interface DirectoryPlace {
  /** Its own first cluster. */
  readonly cluster: number;
  /** That of the directory it is in; 0 when that is the root. */
  readonly parent: number;
}

/** The root directory. @param label the volume's */
export function formatRootDirectory(label: string, entries: readonly FatEntry[]): Uint8Array<ArrayBuffer> {
  const volume = formatShort(encodeShort(label.padEnd(11)), attributes.volumeLabel, { cluster: 0, sizeBytes: 0 });
  return join([volume, ...entries.flatMap(formatEntry)]);
}

export function formatDirectory(place: DirectoryPlace, entries: readonly FatEntry[]): Uint8Array<ArrayBuffer> {
  const dot = (name: string, cluster: number): Uint8Array =>
    formatShort(encodeShort(name.padEnd(11)), attributes.directory, { cluster, sizeBytes: 0 });
  return join([dot(".", place.cluster), dot("..", place.parent), ...entries.flatMap(formatEntry)]);
}

function formatEntry(entry: FatEntry, index: number): Uint8Array[] {
  const attribute = entry.kind === "directory" ? attributes.directory : attributes.archive;
  const plain = plainShortName(entry.name);
  if (plain !== undefined) return [formatShort(plain.bytes, attribute, entry, plain.flags)];
  const short = numberedShortName(entry.name, index + 1);
  return [...formatLongName(entry.name, short), formatShort(short, attribute, entry)];
}

function formatShort(
  name: Uint8Array,
  attribute: number,
  { cluster, sizeBytes }: Pick<FatEntry, "cluster" | "sizeBytes">,
  flags = 0,
): Uint8Array {
  const entry = new Uint8Array(entryBytes);
  const view = new DataView(entry.buffer);
  entry.set(name);
  entry[11] = attribute;
  entry[12] = flags;
  for (const at of [16, 18, 24]) view.setUint16(at, date, true); // created, read, written
  view.setUint16(20, cluster >>> 16, true);
  view.setUint16(26, cluster & 0xffff, true);
  view.setUint32(28, sizeBytes, true);
  return entry;
}

/** A name that needs no long one: eight and three characters, each part all capitals or all small letters. */
function plainShortName(name: string): { readonly bytes: Uint8Array; readonly flags: number } | undefined {
  const match = /^([A-Z0-9_-]{1,8}|[a-z0-9_-]{1,8})(?:\.([A-Z0-9]{1,3}|[a-z0-9]{1,3}))?$/.exec(name);
  if (match === null) return undefined;
  const [, base = "", extension = ""] = match;
  const flags = (/[a-z]/.test(base) ? smallBase : 0) | (/[a-z]/.test(extension) ? smallExtension : 0);
  return { bytes: encodeShort(`${base.padEnd(8)}${extension.padEnd(3)}`.toUpperCase()), flags };
}

/** Beside a long name: its number in the directory makes it the only one. */
function numberedShortName(name: string, number: number): Uint8Array {
  const [base = "", extension = ""] = name.toUpperCase().split(/\.(?=[^.]*$)/);
  const tail = `~${number}`;
  const clean = (text: string): string => text.replaceAll(/[^A-Z0-9_-]/g, "");
  return encodeShort(
    `${`${clean(base).slice(0, 8 - tail.length)}${tail}`.padEnd(8)}${clean(extension).slice(0, 3).padEnd(3)}`,
  );
}

function formatLongName(name: string, short: Uint8Array): Uint8Array[] {
  if (!/^[\x21-\x7e]{1,255}$/.test(name) || /["*/:<>?\\|]/.test(name)) {
    throw new RangeError(`Not a name for FAT: "${name}"`);
  }
  const count = Math.ceil(name.length / longNamePart);
  const parts = Array.from({ length: count }, (_, index) => {
    const entry = new Uint8Array(entryBytes);
    const view = new DataView(entry.buffer);
    entry[0] = (index + 1) | (index === count - 1 ? lastLongEntry : 0);
    entry[11] = attributes.longName;
    entry[13] = shortNameSum(short);
    characterPlaces.forEach((place, at) => {
      const position = index * longNamePart + at;
      const code = position < name.length ? name.charCodeAt(position) : position === name.length ? 0 : 0xffff;
      view.setUint16(place, code, true);
    });
    return entry;
  });
  return parts.reverse();
}

/** Where the 13 characters of a long name's part are in its entry. */
const characterPlaces = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/** "ChkSum": ties a long name to its short one. */
function shortNameSum(short: Uint8Array): number {
  return short.reduce((sum, byte) => (((sum & 1) << 7) + (sum >>> 1) + byte) & 0xff, 0);
}

/**
 * What a directory holds, but for ".", ".." and the volume's label.
 * @throws {RangeError} for a long name that does not belong to its short one, and for a name that stands twice
 */
export function parseDirectory(bytes: Uint8Array): FatEntry[] {
  const entries: FatEntry[] = [];
  let long = "";
  let sum: number | undefined;
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    const entry = bytes.slice(at, at + entryBytes);
    const view = new DataView(entry.buffer);
    const [first = 0] = entry;
    if (first === 0) break;
    const attribute = entry[11] ?? 0;
    if (first === 0xe5) {
      long = "";
      continue;
    }
    if (attribute === attributes.longName) {
      long = longNameText(view) + (first & lastLongEntry ? "" : long);
      sum = entry[13];
      continue;
    }
    const name = long === "" ? shortNameText(entry) : long;
    if (long !== "" && sum !== shortNameSum(entry.subarray(0, 11))) {
      throw new RangeError(`The long name "${long}" belongs to another file`);
    }
    long = "";
    if (attribute & attributes.volumeLabel || name === "." || name === "..") continue;
    if (entries.some((other) => other.name.toUpperCase() === name.toUpperCase())) {
      throw new RangeError(`The name "${name}" stands twice in a directory`);
    }
    const cluster = view.getUint16(20, true) << 16 | view.getUint16(26, true);
    const isDirectory = (attribute & attributes.directory) !== 0;
    entries.push({ name, kind: isDirectory ? "directory" : "file", cluster, sizeBytes: view.getUint32(28, true) });
  }
  return entries;
}

function longNameText(view: DataView): string {
  const codes = characterPlaces.map((place) => view.getUint16(place, true));
  const end = codes.indexOf(0);
  return String.fromCharCode(...end < 0 ? codes : codes.slice(0, end));
}

function shortNameText(entry: Uint8Array): string {
  const text = (from: number, to: number, isSmall: boolean): string => {
    const value = new TextDecoder("latin1").decode(entry.subarray(from, to)).trimEnd();
    return isSmall ? value.toLowerCase() : value;
  };
  const flags = entry[12] ?? 0;
  const base = text(0, 8, (flags & smallBase) !== 0);
  const extension = text(8, 11, (flags & smallExtension) !== 0);
  return extension === "" ? base : `${base}.${extension}`;
}

function encodeShort(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(entries: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(entries.length * entryBytes);
  entries.forEach((entry, index) => bytes.set(entry, index * entryBytes));
  return bytes;
}
