/**
 * What is where on a stick. Pure.
 *
 *     0      protective MBR with GRUB's boot sector, GPT
 *     1 MiB  BIOS boot partition: two places for GRUB's core image, of which the boot sector names one
 *     2 MiB  EFI system partition: one FAT32 with the kernel, the parts of the initrd, boot loaders and their menus
 *     end    the backup of the GPT
 */

import { backupTableBytes, formatGpt, type GptBytes, gptEntryBytes, type GptTable, type SectorBytes } from "./gpt.ts";
import { type FatNames, fatPartitionBytes } from "./fat/geometry.ts";
import { bootCodeBytes, type CorePlace } from "./grub_boot_code.ts";

const mebibyte = 1024 * 1024;

/** Stands for a stick of ours: the same on each. */
const diskUuid = "5a1ef1e5-7000-4000-8000-000000000000";

/** Of the GPT: GRUB's (GRUB manual, "BIOS installation"), UEFI specification 5.3.3. */
const partitionTypes = {
  biosBoot: "21686148-6449-6E6F-744E-656564454649",
  efiSystem: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
} as const;

export const biosPartition = { offsetBytes: mebibyte, sizeBytes: mebibyte } as const;
export const efiOffsetBytes = 2 * mebibyte;

export const stickNames: FatNames = { label: "STIEFEL", volumeId: 0x5a1e_f1e7 };

/** An update writes to the place that is not in use. */
export const corePlaces: readonly [CorePlace, CorePlace] = [
  { sector: biosPartition.offsetBytes / 512, maximumBytes: mebibyte / 2 },
  { sector: biosPartition.offsetBytes / 512 + 1024, maximumBytes: mebibyte / 2 },
];

export interface StickLayout {
  readonly sectorBytes: SectorBytes;
  /** Of the whole stick. */
  readonly sizeBytes: number;
  readonly efi: { readonly offsetBytes: number; readonly sizeBytes: number };
}

/** Room for what is new beside what is old, and for some growth. */
function efiBytes(contentBytes: number): number {
  return fatPartitionBytes(Math.ceil(contentBytes * 2.25) + 8 * mebibyte);
}

/**
 * @param contentBytes of all files
 * @param sizeBytes of the device; absent: the least
 * @returns undefined when that is too small
 */
export function planStick(
  contentBytes: number,
  { sectorBytes, sizeBytes }: { readonly sectorBytes: SectorBytes; readonly sizeBytes?: number },
): StickLayout | undefined {
  const efi = { offsetBytes: efiOffsetBytes, sizeBytes: efiBytes(contentBytes) };
  // The end of an image is a multiple of a MiB, as tools like it.
  const least = efi.offsetBytes + efi.sizeBytes + mebibyte;
  const size = sizeBytes ?? least;
  return size < efi.offsetBytes + efi.sizeBytes + backupTableBytes(sectorBytes)
    ? undefined
    : { sectorBytes, sizeBytes: size, efi };
}

/** The partition table of a stick. */
export function formatStickTable({ sectorBytes, sizeBytes, efi }: StickLayout): GptBytes {
  const uuid = (number: number): string => `${diskUuid.slice(0, -1)}${number}`;
  const table: GptTable = {
    diskUuid,
    sectorBytes,
    sizeBytes,
    partitions: [
      { type: partitionTypes.biosBoot, uuid: uuid(1), name: "stiefelsystem BIOS", ...biosPartition },
      { type: partitionTypes.efiSystem, uuid: uuid(2), name: "stiefelsystem", ...efi },
    ],
  };
  return formatGpt(table);
}

/**
 * The place of the file system on a stick of ours.
 * @param start the first MiB of the device
 * @param sizeBytes of the device; the table may be for a smaller one, when an image was copied to it
 * @returns undefined when the partition table is not exactly one that we write
 */
export function readEfiPlace(
  start: Uint8Array,
  { sectorBytes, sizeBytes }: Pick<StickLayout, "sectorBytes" | "sizeBytes">,
): StickLayout["efi"] | undefined {
  // The last sector of the second entry is all that differs from stick to stick (UEFI specification, table 5-6).
  const at = 2 * sectorBytes + gptEntryBytes + 40;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const end = (Number(view.getBigUint64(at, true)) + 1) * sectorBytes;
  const efi = { offsetBytes: efiOffsetBytes, sizeBytes: end - efiOffsetBytes };
  // Of the header: AlternateLBA, the disk's last sector (table 5-5).
  const tableBytes = (Number(view.getBigUint64(sectorBytes + 32, true)) + 1) * sectorBytes;
  if (
    tableBytes > sizeBytes || end + backupTableBytes(sectorBytes) > tableBytes || efi.sizeBytes <= 0 ||
    efi.sizeBytes % mebibyte !== 0
  ) return undefined;
  const expected = formatStickTable({ sectorBytes, sizeBytes: tableBytes, efi }).start;
  // The boot sector's code is looked at elsewhere.
  for (let index = bootCodeBytes; index < expected.length; index++) {
    if (start[index] !== expected[index]) return undefined;
  }
  return efi;
}
