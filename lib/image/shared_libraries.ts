/** Which shared libraries a set of programs needs. Pure: works on the bytes of ELF files (elf(5), System V gABI chapters 4 and 5). */

/** What the dynamic section of an ELF file asks for. */
export interface ElfNeeds {
  /** DT_NEEDED entries: file names of libraries. */
  readonly libraries: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;

/** Reads a 64-bit little-endian ELF file; undefined for everything else (scripts, data, other machines). */
export function readElfNeeds(bytes: Uint8Array): ElfNeeds | undefined {
  if (bytes.length < 64 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    return undefined;
  }
  if (bytes[4] !== 2 || bytes[5] !== 1) return undefined; // ELFCLASS64, ELFDATA2LSB
  try {
    return { libraries: readNeeded(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes) };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut off, or not really ELF
    throw error;
  }
}

function readNeeded(view: DataView, bytes: Uint8Array): string[] {
  const number = (offset: number): number => Number(view.getBigUint64(offset, true));
  const headersAt = number(0x20);
  const headerCount = view.getUint16(0x38, true);
  const headers = Array.from({ length: headerCount }, (_, index) => {
    const at = headersAt + index * PROGRAM_HEADER_BYTES;
    return { type: view.getUint32(at, true), offset: number(at + 8), address: number(at + 16), size: number(at + 32) };
  });
  const dynamic = headers.find((header) => header.type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const nameOffsets: number[] = [];
  let stringsAddress: number | undefined;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += DYNAMIC_ENTRY_BYTES) {
    const tag = number(at);
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED) nameOffsets.push(number(at + 8));
    if (tag === DT_STRTAB) stringsAddress = number(at + 8);
  }
  const address = stringsAddress;
  const load = headers.find((header) =>
    header.type === PT_LOAD && address !== undefined && address >= header.address &&
    address < header.address + header.size
  );
  if (address === undefined || load === undefined) return [];
  const stringsAt = load.offset + address - load.address;
  return nameOffsets.map((offset) => readName(bytes, stringsAt + offset));
}

function readName(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  if (end < 0) throw new RangeError("A name has no end");
  return new TextDecoder().decode(bytes.subarray(start, end));
}

/** Loaded at run time by name, so that no DT_NEEDED tells of them. */
export const loadedByName: readonly string[] = [
  // The Deno program is linked against these names; it is a part of its own.
  "libdl.so.2",
  "libpthread.so.0",
  "librt.so.1",
  "libm.so.6",
  "libgcc_s.so.1",
  "libnss_files.so.2",
  "libnss_dns.so.2",
  "libresolv.so.2",
  "libkmod.so.2",
];

export interface ElfFile {
  readonly path: string;
  readonly needs: readonly string[];
}

const isLibraryPath = (path: string): boolean => /^usr\/lib\/[^/]+-linux-gnu\/[^/]+\.so(\.[^/]*)?$/.test(path);

/**
 * The libraries, files and links, directly in /usr/lib/TRIPLET that nothing needs: neither a program nor a plug-in nor another
 * library that is needed.
 * @param files all ELF files of the image
 * @param links links between libraries: path and the path it points to
 */
export function findUnneededLibraries(
  files: readonly ElfFile[],
  links: readonly { readonly path: string; readonly target: string }[],
): Set<string> {
  const paths = new Map<string, string>(); // file name -> path
  for (const { path } of [...files, ...links]) if (isLibraryPath(path)) paths.set(baseName(path), path);
  const targets = new Map(links.map(({ path, target }) => [path, target]));
  const needs = new Map(files.map((file) => [file.path, file.needs]));
  const found = new Set<string>();
  const open = [...loadedByName, ...files.filter((file) => !isLibraryPath(file.path)).flatMap((file) => file.needs)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (let path = paths.get(name); path !== undefined && !found.has(path); path = targets.get(path)) {
      found.add(path);
      open.push(...needs.get(path) ?? []);
    }
  }
  return new Set([...paths.values()].filter((path) => !found.has(path)));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
