/** An image of a stick, as a file: what is written to a device, or started in a virtual machine. */

import { readKey, readKeysBeside } from "../key_file.ts";
import { nameFingerprints } from "../laptop_keys.ts";
import type { FilePart } from "../file_part.ts";
import { keyFingerprint } from "../protocol/keys.ts";
import type { System } from "../system/system.ts";
import { blockBytes, formatReserved, planFat } from "../fat/geometry.ts";
import { planFatChange, type StickWrite } from "../fat/plan_fat.ts";
import { emptyFat } from "../fat/read_fat.ts";
import type { SectorBytes } from "./gpt.ts";
import { placeBootCode } from "./grub_boot_code.ts";
import { listStickFiles, type StickFile } from "./stick_content.ts";
import {
  corePlaces,
  formatStickTable,
  partitionsEnd,
  planStick,
  type StickLayout,
  stickNames,
} from "./stick_layout.ts";
import { addLaptopKeys, type BuiltStick, readBuiltStick } from "./stick_parts.ts";
import { nextStickRecord, type StickRecord } from "./stick_record.ts";
import { ExitCode, UserError } from "../errors.ts";
import { formatBytes } from "../format_bytes.ts";

export interface StickOptions {
  /** Absolute path of the folder of the results: kernel, initrd, manifest.json, loaders/. */
  readonly buildDirectory: string;
  readonly keyPath: string;
  /** Name of the laptop that the stick is made on, when that was set up with the same key. */
  readonly laptopName?: string;
  /** Kernel parameters beside our own. Absent: those that the stick has. */
  readonly parameters?: readonly string[];
  /** Name of the laptop that is taken when several answer. Absent: the one that the stick has; empty: none. */
  readonly defaultLaptop?: string;
  /** Logical sector of the device. Default 512. */
  readonly sectorBytes?: SectorBytes;
  /**
   * UUID for the partition for a second boot, which is made on a device that has room for it. Absent: none is made, and
   * an update keeps what there is.
   */
  readonly placeUuid?: string;
  /** Of the whole device, so that the backup of the partition table lies at its end. Default: the least. */
  readonly sizeBytes?: number;
}

export interface StickImage {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: SectorBytes;
  /**
   * What has to be on the device, in ascending order and multiples of 4096 bytes, but for the end of a device whose
   * size is no multiple; whatever else is on it may stay. The first is all that comes before the partitions, the last
   * the end of the device.
   */
  readonly extents: readonly FilePart[];
}

/**
 * Writes the image as a sparse file that only its owner may read: it holds the shared key. Equal inputs give equal
 * bytes. No program is started, and no right of root is needed.
 * @throws {UserError} when nothing was built, or the device is too small
 */
export async function makeStickImage(system: System, options: StickOptions, imagePath: string): Promise<StickImage> {
  const { layout, writes } = await composeStick(system, options);
  const parts = [...writes].sort((one, other) => one.offset - other.offset);
  await system.writeSparse(imagePath, { sizeBytes: layout.sizeBytes, parts }, { mode: 0o600 });
  return {
    path: imagePath,
    sizeBytes: layout.sizeBytes,
    sectorBytes: layout.sectorBytes,
    extents: joinExtents(parts.map(({ offset, bytes }) => ({ offset, sizeBytes: bytes.length }))),
  };
}

/** @returns what a device must have at least, in bytes. @throws {UserError} when nothing was built */
export async function measureStick(system: System, options: StickOptions): Promise<number> {
  const { sizeBytes: _, ...least } = options;
  return (await composeStick(system, least)).layout.sizeBytes;
}

/** What a new stick consists of. */
async function composeStick(
  system: System,
  options: StickOptions,
): Promise<{ readonly layout: StickLayout; readonly writes: readonly StickWrite[] }> {
  const { built, record } = await readContent(system, undefined, options);
  const files = composeFiles(built, record);
  const contentBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const placeUuid = startsSystemdBoot(built) ? options.placeUuid : undefined;
  const layout = planStick(contentBytes, { ...options, placeUuid, sectorBytes: options.sectorBytes ?? 512 });
  if (layout === undefined) {
    const least = planStick(contentBytes, { sectorBytes: options.sectorBytes ?? 512 })?.sizeBytes ?? 0;
    throw new UserError(`The device has ${formatBytes(options.sizeBytes ?? 0)}, a stick needs ${formatBytes(least)}`, {
      exitCode: ExitCode.usage,
    });
  }
  const filesOfLayout = composeFiles(built, record, layout.place?.partitionUuid);
  return { layout, writes: formatNewStick(layout, { built, files: filesOfLayout }) };
}

/**
 * "LoaderInfo: systemd-boot", by which others know it (systemd, src/boot/boot.c). GRUB has no entries for one start.
 */
function startsSystemdBoot({ secondStage }: Pick<BuiltStick, "secondStage">): boolean {
  return new TextDecoder("latin1").decode(secondStage).includes("#### LoaderInfo: systemd-boot ");
}

/**
 * What the stick that these options make consists of, and its record. @param before of the stick as it is
 * @throws {UserError} when nothing was built, or a key cannot be used
 */
export async function readContent(
  system: System,
  before: StickRecord | undefined,
  { buildDirectory, keyPath, laptopName, parameters, defaultLaptop }: StickOptions,
): Promise<{ readonly built: BuiltStick; readonly record: StickRecord }> {
  const built = await readBuiltStick(system, buildDirectory);
  const own = await readKey(system, keyPath);
  const others = await readKeysBeside(system, { keyPath, own });
  const record = nextStickRecord(before, {
    keyFingerprint: await keyFingerprint(own),
    keys: await nameFingerprints(others),
    laptopName,
    parameters,
    defaultLaptop,
  });
  return { built: addLaptopKeys(built, others), record };
}

/**
 * The files of a stick. Pure. @param placeUuid of its partition for a second boot
 * @throws {UserError} for kernel parameters that a menu cannot hold
 */
export function composeFiles(built: BuiltStick, record: StickRecord, placeUuid?: string): readonly StickFile[] {
  const { parameters } = record;
  const { architecture, isDebug } = built;
  const place = startsSystemdBoot(built) ? placeUuid : undefined;
  return listStickFiles(built, { menu: { architecture, isDebug, parameters, placeUuid: place }, record });
}

/**
 * Everything before the partitions and behind them is written whole: nothing of what was there before is taken for
 * something.
 */
const bareBytes = 1024 * 1024;

/** A stick from nothing, as writes of whole blocks. Pure. */
export function formatNewStick(
  layout: StickLayout,
  { built, files }: { readonly built: Pick<BuiltStick, "grubBoot" | "grubCore">; readonly files: readonly StickFile[] },
): readonly StickWrite[] {
  const geometry = planFat({ sectorBytes: layout.sectorBytes, ...layout.efi });
  const table = formatStickTable(layout);
  const [place] = corePlaces;
  const start = new Uint8Array(bareBytes);
  start.set(table.start);
  const bios = new Uint8Array(bareBytes);
  if (built.grubBoot !== undefined && built.grubCore !== undefined) {
    const { bootSector, core } = placeBootCode(built.grubBoot, built.grubCore, place);
    // A BIOS that starts a disk with larger sectors does not exist: it could not read GRUB's.
    if (layout.sectorBytes === 512) start.set(bootSector);
    bios.set(core);
  }
  const endOffset = Math.max(partitionsEnd(layout), roundDown(layout.sizeBytes - bareBytes));
  const end = new Uint8Array(layout.sizeBytes - endOffset);
  end.set(table.end, end.length - table.end.length);
  const groups = planFatChange(emptyFat(geometry), { files, label: stickNames.label });
  if (groups === undefined) throw new RangeError("A new stick has no room for its files");
  const reserved = formatReserved(geometry, stickNames);
  // Zeros, over which the change writes.
  const fats = new Uint8Array(2 * geometry.fatBytes);
  const metadata = [
    { offset: 0, bytes: start },
    { offset: bareBytes, bytes: bios },
    { offset: layout.efi.offsetBytes, bytes: reserved },
    { offset: layout.efi.offsetBytes + reserved.length, bytes: fats },
    // Empty as far as anybody looks for something.
    ...layout.place === undefined ? [] : [{ offset: layout.place.offsetBytes, bytes: new Uint8Array(bareBytes) }],
    { offset: endOffset, bytes: end },
  ];
  return mergeWrites([...metadata, ...groups.flat()]);
}

function roundDown(bytes: number): number {
  return bytes - bytes % blockBytes;
}

/** Writes that lie in another one go into it; the later one counts. */
function mergeWrites(writes: readonly StickWrite[]): readonly StickWrite[] {
  const merged: StickWrite[] = [];
  for (const write of writes) {
    const around = merged.find(({ offset, bytes }) =>
      offset <= write.offset && write.offset + write.bytes.length <= offset + bytes.length
    );
    if (around === undefined) merged.push(write);
    else around.bytes.set(write.bytes, write.offset - around.offset);
  }
  return merged;
}

/** Parts in ascending order; those that touch become one. */
function joinExtents(parts: readonly FilePart[]): readonly FilePart[] {
  const joined: FilePart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.sizeBytes === part.offset) {
      joined[joined.length - 1] = { offset: last.offset, sizeBytes: last.sizeBytes + part.sizeBytes };
    } else joined.push(part);
  }
  return joined;
}
