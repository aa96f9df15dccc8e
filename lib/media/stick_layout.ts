/**
 * What is where on a stick. Pure.
 *
 *     0      protective MBR with GRUB's boot sector, GPT
 *     1 MiB  BIOS boot partition: two places for GRUB's core image, of which the boot sector names one
 *     2 MiB  EFI system partition: one FAT32 with the kernel, the parts of the initrd, boot loaders and their menus
 *     then   on a device with room for it: the partition for a second boot (lib/second_boot/place.ts), empty
 *     end    the backup of the GPT
 */

import {
  backupTableBytes,
  formatGpt,
  type GptBytes,
  gptEntryBytes,
  type GptPartition,
  readGuid,
  type SectorBytes,
} from "./gpt.ts";
import { placeBytes, placePartition } from "../second_boot/place.ts";
import { type FatNames, fatPartitionBytes } from "../fat/geometry.ts";
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
  readonly efi: StickPart;
  /** For a second boot. */
  readonly place?: StickPart & {
    /** Of this stick alone, in lower case: by it an agent knows the stick it was started from. */
    readonly partitionUuid: string;
  };
}

interface StickPart {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** Room for what is new beside what is old, and for some growth. */
function efiBytes(contentBytes: number): number {
  return fatPartitionBytes(Math.ceil(contentBytes * 2.25) + 8 * mebibyte);
}

/**
 * @param contentBytes of all files
 * @param sizeBytes of the device; absent: the least
 * @param placeUuid of the partition for a second boot, which is made where there is room for it; absent: none
 * @returns undefined when the device is too small
 */
export function planStick(
  contentBytes: number,
  { sectorBytes, sizeBytes, placeUuid }: {
    readonly sectorBytes: SectorBytes;
    readonly sizeBytes?: number;
    readonly placeUuid?: string | undefined;
  },
): StickLayout | undefined {
  const efi = { offsetBytes: efiOffsetBytes, sizeBytes: efiBytes(contentBytes) };
  // The end of an image is a multiple of a MiB, as tools like it.
  const least = efi.offsetBytes + efi.sizeBytes + mebibyte;
  const size = sizeBytes ?? least;
  const end = efi.offsetBytes + efi.sizeBytes;
  if (size < end + backupTableBytes(sectorBytes)) return undefined;
  const layout = { sectorBytes, sizeBytes: size, efi };
  if (placeUuid === undefined || size < end + placeBytes + backupTableBytes(sectorBytes)) return layout;
  return { ...layout, place: { offsetBytes: end, sizeBytes: placeBytes, partitionUuid: placeUuid } };
}

/** Where the last partition ends. */
export function partitionsEnd({ efi, place }: Pick<StickLayout, "efi" | "place">): number {
  const last = place ?? efi;
  return last.offsetBytes + last.sizeBytes;
}

/** The partition table of a stick. */
export function formatStickTable({ sectorBytes, sizeBytes, efi, place }: StickLayout): GptBytes {
  const uuid = (number: number): string => `${diskUuid.slice(0, -1)}${number}`;
  const partitions: GptPartition[] = [
    { type: partitionTypes.biosBoot, uuid: uuid(1), name: "stiefelsystem BIOS", ...biosPartition },
    { type: partitionTypes.efiSystem, uuid: uuid(2), name: "stiefelsystem", ...efi },
  ];
  if (place !== undefined) {
    const { partitionUuid, ...part } = place;
    partitions.push({ ...placePartition, uuid: partitionUuid, ...part });
  }
  return formatGpt({ diskUuid, sectorBytes, sizeBytes, partitions });
}

/**
 * What is where on a stick of ours.
 * @param start the first MiB of the device
 * @param sizeBytes of the device; the table may be for a smaller one, when an image was copied to it
 * @returns undefined when the partition table is not exactly one that we write
 */
export function readStickTable(
  start: Uint8Array,
  { sectorBytes, sizeBytes }: Pick<StickLayout, "sectorBytes" | "sizeBytes">,
): Pick<StickLayout, "efi" | "place"> | undefined {
  // The last sector of the second entry differs from stick to stick (UEFI specification, table 5-6); so does whether
  // there is a third one, and its UUID.
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
  const third = start.subarray(2 * sectorBytes + 2 * gptEntryBytes, 2 * sectorBytes + 3 * gptEntryBytes);
  const hasPlace = third.some((byte) => byte !== 0);
  if (hasPlace && end + placeBytes + backupTableBytes(sectorBytes) > tableBytes) return undefined;
  const place = { offsetBytes: end, sizeBytes: placeBytes, partitionUuid: readGuid(third.subarray(16, 32)) };
  const parts = hasPlace ? { efi, place } : { efi };
  const expected = formatStickTable({ sectorBytes, sizeBytes: tableBytes, ...parts }).start;
  // The boot sector's code is looked at elsewhere.
  for (let index = bootCodeBytes; index < expected.length; index++) {
    if (start[index] !== expected[index]) return undefined;
  }
  return parts;
}
