/**
 * Small cpio archives in the "newc" format, the one the kernel unpacks into its initramfs
 * (Documentation/driver-api/early-userspace/ buffer-format.rst). Deterministic: owner root, time 0, inode numbers
 * counted from 1, entries in the order given. `buildCpio` is for a handful of small files; big trees are streamed with
 * `formatCpioHeader` and `formatCpioTrailer`.
 */
import { ProtocolError } from "../errors.ts";
import { concatenate } from "./bytes.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

export type CpioEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string };

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
const HEADER_BYTES = 110;
/** Members and their data start at multiples of this, counted from the start of the archive. */
const ALIGNMENT = 4;
/** PATH_MAX of Linux, with the NUL: what the kernel accepts as a name. */
const PATH_MAX = 4096;
/** File types of `st_mode` (inode(7)). */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

/** How many zero bytes bring a length to the next multiple of 4. */
export function cpioPaddingBytes(sizeBytes: number): number {
  return (ALIGNMENT - sizeBytes % ALIGNMENT) % ALIGNMENT;
}

/**
 * How many zero bytes stand between two archives in one initramfs: up to a multiple of 4, where the kernel looks for
 * the next one (Documentation/driver-api/early-userspace/buffer-format.rst), and 4 at least. By those it knows the end
 * of one packed with lz4, which has no mark of its own (lib/decompress_unlz4.c, Linux 5.11 and later).
 */
export function archivePaddingBytes(sizeBytes: number): number {
  return ALIGNMENT + cpioPaddingBytes(sizeBytes);
}

/**
 * Builds an archive. Parent directories must be entries of their own, before what they hold, unless the archive before
 * it has them.
 * @throws RangeError when a path is absolute, empty, has "." or ".." or empty parts, or a mode has more than
 *   permission
 *   bits
 */
export function buildCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let inode = 0;
  for (const entry of entries) {
    const data = entry.kind === "file"
      ? entry.content
      : entry.kind === "symlink"
      ? encodeUtf8(entry.target)
      : new Uint8Array(0);
    inode += 1;
    const mode = entry.kind === "symlink" ? 0o777 : entry.mode;
    const header = formatCpioHeader({ kind: entry.kind, path: entry.path, mode, dataBytes: data.length, inode });
    parts.push(header, data, new Uint8Array(cpioPaddingBytes(data.length)));
  }
  parts.push(formatCpioTrailer());
  return concatenate(parts);
}

export interface CpioHeader {
  readonly kind: CpioEntry["kind"];
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Length of what follows: a file's content, a symlink's target. */
  readonly dataBytes: number;
  /** Counted from 1. */
  readonly inode: number;
}

/**
 * What comes before the data of one member, padding included; after the data comes `cpioPaddingBytes` of its length.
 * @throws RangeError when the path is absolute, empty, has "." or ".." or empty parts, or the mode has more than
 *   permission bits
 */
export function formatCpioHeader({ kind, path, mode, dataBytes, inode }: CpioHeader): Uint8Array<ArrayBuffer> {
  if (!isCpioPath(path)) throw new RangeError(`Not a path for a cpio archive: "${path}"`);
  if ((mode & ~0o7777) !== 0) throw new RangeError(`Not a mode: 0${mode.toString(8)}`);
  return formatHeader({ path, mode: typeBits(kind) | mode, dataBytes, inode });
}

/** The end of an archive. */
export function formatCpioTrailer(): Uint8Array<ArrayBuffer> {
  return formatHeader({ path: TRAILER, mode: 0, dataBytes: 0, inode: 0 });
}

function typeBits(kind: CpioEntry["kind"]): number {
  return kind === "file" ? S_IFREG : kind === "directory" ? S_IFDIR : S_IFLNK;
}

interface Member {
  readonly path: string;
  readonly mode: number;
  readonly data: Uint8Array;
  readonly inode: number;
}

function formatHeader(
  { path, mode, dataBytes, inode }: Pick<CpioHeader, "path" | "mode" | "dataBytes" | "inode">,
): Uint8Array<ArrayBuffer> {
  const name = encodeUtf8(`${path}\0`);
  // A file with one link, so that the kernel never looks for its inode number among those of other archives.
  const links = (mode & S_IFMT) === S_IFDIR ? 2 : 1;
  // inode, mode, uid, gid, nlink, mtime, file size, device major and minor, rdev major and minor, name size, check
  const fields = [inode, mode, 0, 0, links, 0, dataBytes, 0, 0, 0, 0, name.length, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("");
  return concatenate([encodeUtf8(header), name, new Uint8Array(cpioPaddingBytes(HEADER_BYTES + name.length))]);
}

function isCpioPath(path: string): boolean {
  const isClean = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  return isClean && !path.includes("\0") && path !== TRAILER && encodeUtf8(path).length < PATH_MAX;
}

/**
 * Reads an archive as `buildCpio` makes it. Anything else is refused. For tests: kernels read what this module writes.
 * @throws ProtocolError truncated or malformed
 */
export function parseCpio(bytes: Uint8Array): CpioEntry[] {
  const entries: CpioEntry[] = [];
  for (let offset = 0;;) {
    const member = parseMember(bytes, offset);
    offset = member.end;
    if (member.path === TRAILER) break;
    entries.push(toEntry(member));
  }
  const again = isBuildable(entries) ? buildCpio(entries) : new Uint8Array(0);
  if (again.length !== bytes.length || again.some((byte, index) => byte !== bytes[index])) {
    throw new ProtocolError("malformed", "The cpio archive is not in the form this program writes");
  }
  return entries;
}

function isBuildable(entries: readonly CpioEntry[]): boolean {
  return entries.every((entry) => isCpioPath(entry.path));
}

function parseMember(bytes: Uint8Array, offset: number): Member & { readonly end: number } {
  if (bytes.length < offset + HEADER_BYTES) {
    throw new ProtocolError("truncated", "The cpio archive ends within a header");
  }
  const header = decodeUtf8(bytes.subarray(offset, offset + HEADER_BYTES), "A cpio header");
  if (!/^070701[0-9A-F]{104}$/.test(header)) {
    throw new ProtocolError("malformed", "Not a cpio header in the newc format");
  }
  const field = (index: number): number => parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
  const nameBytes = field(11);
  const dataBytes = field(6);
  const nameStart = offset + HEADER_BYTES;
  const dataStart = nameStart + nameBytes + cpioPaddingBytes(HEADER_BYTES + nameBytes);
  const end = dataStart + dataBytes + cpioPaddingBytes(dataBytes);
  if (bytes.length < end) throw new ProtocolError("truncated", "The cpio archive ends within a member");
  if (nameBytes < 2) throw new ProtocolError("malformed", "A cpio member has no name");
  const path = decodeUtf8(bytes.subarray(nameStart, nameStart + nameBytes - 1), "The name of a cpio member");
  return { path, mode: field(1), data: bytes.subarray(dataStart, dataStart + dataBytes), inode: field(0), end };
}

function toEntry({ path, mode, data }: Member): CpioEntry {
  const permissions = mode & 0o7777;
  switch (mode & S_IFMT) {
    case S_IFREG:
      return { kind: "file", path, mode: permissions, content: new Uint8Array(data) };
    case S_IFDIR:
      return { kind: "directory", path, mode: permissions };
    case S_IFLNK:
      return { kind: "symlink", path, target: decodeUtf8(data, "The target of a symbolic link") };
    default:
      throw new ProtocolError(
        "malformed",
        "The cpio archive holds something that is no file, directory or symbolic link",
      );
  }
}
