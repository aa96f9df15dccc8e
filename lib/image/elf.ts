/** What is read from ELF files (elf(5); System V gABI, chapters 4 and 5): 64-bit, little-endian. Pure. */

const HEADER_BYTES = 64;
const MACHINE_AT = 18;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

function isElf64(bytes: Uint8Array): boolean {
  const magic = [0x7f, 0x45, 0x4c, 0x46, ELFCLASS64, ELFDATA2LSB];
  return bytes.length >= HEADER_BYTES && magic.every((byte, index) => bytes[index] === byte);
}

/** For which processor it is (elf(5), e_machine); undefined for what is no ELF file of this kind. */
export function readElfMachine(bytes: Uint8Array): number | undefined {
  return isElf64(bytes) ? new DataView(bytes.buffer, bytes.byteOffset).getUint16(MACHINE_AT, true) : undefined;
}

/**
 * File names of the libraries a file is linked against (DT_NEEDED); undefined for what is no ELF file of this kind.
 */
export function readNeededLibraries(bytes: Uint8Array): readonly string[] | undefined {
  if (!isElf64(bytes)) return undefined;
  try {
    return readDynamicSection(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // cut off, or only looks like ELF
    throw error;
  }
}

function readDynamicSection(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (offset: number): number => Number(view.getBigUint64(offset, true));
  const headersAt = number(0x20);
  const headers = Array.from({ length: view.getUint16(0x38, true) }, (_, index) => {
    const at = headersAt + index * PROGRAM_HEADER_BYTES;
    return { type: view.getUint32(at, true), offset: number(at + 8), address: number(at + 16), size: number(at + 32) };
  });
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return []; // linked statically
  const nameOffsets: number[] = [];
  let namesAddress = 0;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += DYNAMIC_ENTRY_BYTES) {
    const tag = number(at);
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED) nameOffsets.push(number(at + 8));
    if (tag === DT_STRTAB) namesAddress = number(at + 8);
  }
  const segment = headers.find(({ type, address, size }) =>
    type === PT_LOAD && namesAddress >= address && namesAddress < address + size
  );
  if (segment === undefined) return [];
  const namesAt = segment.offset + namesAddress - segment.address;
  return nameOffsets.map((offset) => readName(bytes, namesAt + offset));
}

function readName(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  if (end < 0) throw new RangeError("A name has no end");
  return new TextDecoder().decode(bytes.subarray(start, end));
}
