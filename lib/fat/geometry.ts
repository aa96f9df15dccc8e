/**
 * Where everything is in the one FAT32 of a stick, and its boot sector (Microsoft, "FAT32 File System Specification"
 * 1.03). Pure.
 *
 * Every part starts at a multiple of 4096 bytes, the size of a cluster: what a write changes is never in one block
 * with something else.
 */

/** A cluster, and the unit in which a stick is written. */
export const blockBytes = 4096;

/** Fewer clusters would be FAT16 ("FAT Type Determination"); some more, since programs disagree by a few. */
const leastClusters = 65_525 + 16;
/** Entry 0 and 1 of a FAT are no clusters. */
export const firstCluster = 2;
const reservedSectors = 32;
const backupSector = 6;
const infoSector = 1;

export interface FatGeometry {
  /** Logical sector of the disk. */
  readonly sectorBytes: 512 | 4096;
  /** Of the partition, from the start of the disk. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Of one of the two FATs. */
  readonly fatBytes: number;
  readonly clusterCount: number;
}

/** The smallest partition that has room for so many bytes of files, in whole MiB. */
export function fatPartitionBytes(contentBytes: number): number {
  const mebibyte = 1024 * 1024;
  const clusters = Math.max(leastClusters, Math.ceil(contentBytes / blockBytes));
  const bytes = reservedSectors * 4096 + clusters * blockBytes + 2 * (clusters + 2) * 4 + 4 * blockBytes;
  return Math.ceil(bytes / mebibyte) * mebibyte;
}

export function planFat(place: Pick<FatGeometry, "sectorBytes" | "offsetBytes" | "sizeBytes">): FatGeometry {
  const reserved = reservedSectors * place.sectorBytes;
  const most = Math.floor((place.sizeBytes - reserved) / blockBytes);
  const fatBytes = Math.ceil((most + firstCluster) * 4 / blockBytes) * blockBytes;
  const clusterCount = Math.floor((place.sizeBytes - reserved - 2 * fatBytes) / blockBytes);
  if (clusterCount < leastClusters) throw new RangeError(`A FAT32 of ${place.sizeBytes} bytes is too small`);
  return { ...place, fatBytes, clusterCount };
}

/** From the start of the disk. @param copy 0 or 1 */
export function fatOffset({ offsetBytes, sectorBytes, fatBytes }: FatGeometry, copy: number): number {
  return offsetBytes + reservedSectors * sectorBytes + copy * fatBytes;
}

/** From the start of the disk. */
export function clusterOffset(geometry: FatGeometry, cluster: number): number {
  return fatOffset(geometry, 2) + (cluster - firstCluster) * blockBytes;
}

export interface FatNames {
  /** At most 11 characters, capitals. */
  readonly label: string;
  readonly volumeId: number;
}

/** All that comes before the first FAT: boot sector and FSInfo, each twice. */
export function formatReserved(geometry: FatGeometry, names: FatNames): Uint8Array<ArrayBuffer> {
  const { sectorBytes } = geometry;
  const bytes = new Uint8Array(reservedSectors * sectorBytes);
  const [boot, info] = [formatBootSector(geometry, names), formatInfo()];
  for (const at of [0, backupSector]) {
    bytes.set(boot, at * sectorBytes);
    bytes.set(info, (at + infoSector) * sectorBytes);
  }
  return bytes;
}

/** "Boot Sector and BPB", with the fields of FAT32. */
function formatBootSector(geometry: FatGeometry, { label, volumeId }: FatNames): Uint8Array {
  const { sectorBytes, offsetBytes, sizeBytes, fatBytes } = geometry;
  const sector = new Uint8Array(512);
  const view = new DataView(sector.buffer);
  const text = (at: number, value: string, length: number): void =>
    sector.set(new TextEncoder().encode(value.padEnd(length)), at);
  // A jump over the fields to code that halts: nothing starts this partition's own boot sector.
  sector.set([0xeb, 0x58, 0x90]);
  sector.set([0xfa, 0xf4, 0xeb, 0xfd], 0x5a);
  text(3, "STIEFEL", 8);
  view.setUint16(11, sectorBytes, true);
  sector[13] = blockBytes / sectorBytes;
  view.setUint16(14, reservedSectors, true);
  sector[16] = 2; // FATs
  sector[21] = 0xf8; // a fixed disk, as on every stick
  view.setUint16(24, 63, true); // sectors of a track and heads, as BIOSes count on large disks
  view.setUint16(26, 255, true);
  view.setUint32(28, offsetBytes / sectorBytes, true);
  view.setUint32(32, sizeBytes / sectorBytes, true);
  view.setUint32(36, fatBytes / sectorBytes, true);
  view.setUint32(44, firstCluster, true); // the root directory
  view.setUint16(48, infoSector, true);
  view.setUint16(50, backupSector, true);
  sector[64] = 0x80; // BIOS drive
  sector[66] = 0x29; // the three fields that follow are there
  view.setUint32(67, volumeId, true);
  text(71, label, 11);
  text(82, "FAT32", 8);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** FSInfo that leaves the count of free clusters and the next one unknown: nothing in it ever changes. */
function formatInfo(): Uint8Array {
  const sector = new Uint8Array(512);
  const view = new DataView(sector.buffer);
  view.setUint32(0, 0x4161_5252, true);
  view.setUint32(484, 0x6141_7272, true);
  view.setUint32(488, 0xffff_ffff, true);
  view.setUint32(492, 0xffff_ffff, true);
  view.setUint32(508, 0xaa55_0000, true);
  return sector;
}
