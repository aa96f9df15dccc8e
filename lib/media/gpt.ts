/**
 * The partition table of a stick: GPT with its protective MBR (UEFI specification 2.10, 5.2.3 and 5.3). Pure.
 * sfdisk(8) makes one for sectors of 512 bytes only when it writes into a file, and some disks have sectors of 4096.
 */

import { crc32 } from "./crc32.ts";

export type SectorBytes = 512 | 4096;

export interface GptPartition {
  readonly type: string;
  readonly uuid: string;
  /** At most 36 characters. */
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface GptTable {
  readonly diskUuid: string;
  readonly sectorBytes: SectorBytes;
  /** Of the whole disk, a multiple of the sector. */
  readonly sizeBytes: number;
  readonly partitions: readonly GptPartition[];
}

/** 5.3.1: room for at least 16384 bytes of entries, that is 128 of them. */
const entryCount = 128;
export const gptEntryBytes = 128;
const entriesBytes = entryCount * gptEntryBytes;
const headerBytes = 92;
const revision = 0x0001_0000;

export interface GptBytes {
  /** From byte 0: protective MBR without boot code, header, entries. */
  readonly start: Uint8Array<ArrayBuffer>;
  /** The last bytes of the disk: entries, header. */
  readonly end: Uint8Array<ArrayBuffer>;
}

/** How many bytes the backup table takes at the end of a disk. */
export function backupTableBytes(sectorBytes: SectorBytes): number {
  return entriesBytes + sectorBytes;
}

/** @throws {RangeError} for partitions outside the disk or not at sectors */
export function formatGpt(table: GptTable): GptBytes {
  const { sectorBytes, sizeBytes, partitions } = table;
  const entrySectors = entriesBytes / sectorBytes;
  const sectors = sizeBytes / sectorBytes;
  const firstUsable = 2 + entrySectors;
  const lastUsable = sectors - entrySectors - 2;
  const entries = new Uint8Array(entriesBytes);
  partitions.forEach((partition, index) => {
    const [first, count] = [partition.offsetBytes / sectorBytes, partition.sizeBytes / sectorBytes];
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < firstUsable || first + count - 1 > lastUsable) {
      throw new RangeError(`The partition "${partition.name}" does not fit on a disk of ${sizeBytes} bytes`);
    }
    entries.set(formatEntry(partition, { first, last: first + count - 1 }), index * gptEntryBytes);
  });
  const header = (own: number, other: number, entriesAt: number): Uint8Array =>
    formatHeader(table, { own, other, entriesAt, firstUsable, lastUsable, entriesCrc: crc32(entries) });
  const start = new Uint8Array((2 + entrySectors) * sectorBytes);
  start.set(formatProtectiveMbr(sectors));
  start.set(header(1, sectors - 1, 2), sectorBytes);
  start.set(entries, 2 * sectorBytes);
  const end = new Uint8Array(entriesBytes + sectorBytes);
  end.set(entries);
  end.set(header(sectors - 1, 1, sectors - 1 - entrySectors), entriesBytes);
  return { start, end };
}

/** 5.2.3: one entry over the whole disk, not active, so that no firmware takes the disk for one with an MBR only. */
function formatProtectiveMbr(sectors: number): Uint8Array {
  const mbr = new Uint8Array(512);
  const view = new DataView(mbr.buffer);
  // first sector as cylinder, head and sector; type; last sector: beyond what these can say
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(454, 1, true);
  view.setUint32(458, Math.min(sectors - 1, 0xffff_ffff), true);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}

interface HeaderPlaces {
  readonly own: number;
  readonly other: number;
  readonly entriesAt: number;
  readonly firstUsable: number;
  readonly lastUsable: number;
  readonly entriesCrc: number;
}

function formatHeader({ diskUuid }: GptTable, places: HeaderPlaces): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode("EFI PART"));
  view.setUint32(8, revision, true);
  view.setUint32(12, headerBytes, true);
  view.setBigUint64(24, BigInt(places.own), true);
  view.setBigUint64(32, BigInt(places.other), true);
  view.setBigUint64(40, BigInt(places.firstUsable), true);
  view.setBigUint64(48, BigInt(places.lastUsable), true);
  header.set(guidBytes(diskUuid), 56);
  view.setBigUint64(72, BigInt(places.entriesAt), true);
  view.setUint32(80, entryCount, true);
  view.setUint32(84, gptEntryBytes, true);
  view.setUint32(88, places.entriesCrc, true);
  view.setUint32(16, crc32(header), true);
  return header;
}

function formatEntry(
  { type, uuid, name }: GptPartition,
  { first, last }: { readonly first: number; readonly last: number },
): Uint8Array {
  const entry = new Uint8Array(gptEntryBytes);
  const view = new DataView(entry.buffer);
  entry.set(guidBytes(type));
  entry.set(guidBytes(uuid), 16);
  view.setBigUint64(32, BigInt(first), true);
  view.setBigUint64(40, BigInt(last), true);
  if (name.length > 36) throw new RangeError(`A partition's name has ${name.length} characters, at most 36`);
  for (let index = 0; index < name.length; index++) view.setUint16(56 + 2 * index, name.charCodeAt(index), true);
  return entry;
}

/** The GUID in these 16 bytes, in lower case. */
export function readGuid(bytes: Uint8Array): string {
  const digits = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
    .map((index) => (bytes[index] ?? 0).toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Appendix A: the first three fields have their lowest byte first. */
export function guidBytes(guid: string): Uint8Array {
  const digits = guid.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(digits)) throw new RangeError(`Not a GUID: "${guid}"`);
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (index) => Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16));
}
