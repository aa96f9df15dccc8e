/**
 * A stick of ours as it is -> the same stick with what is new, as writes after each of which it starts: the old way or
 * the new.
 *
 * The order: GRUB's core image for a BIOS into the place that is not in use, then the one block with the boot sector
 * that names it, then the file system (lib/fat/plan_fat.ts). Every GRUB of ours reads every menu of ours. Last of all,
 * where nothing leads any more, keys that went are written over.
 */

import { type ArchitectureName, architectureNames } from "../architecture.ts";
import { sameBytes } from "../formats/bytes.ts";
import type { System } from "../system/system.ts";
import { blockBytes, clusterOffset, type FatGeometry, formatReserved, planFat } from "../fat/geometry.ts";
import { type NewFile, planFatChange, planFatRepair, type StickWrite, type WriteGroups } from "../fat/plan_fat.ts";
import { type FatState, type ReadAt, readFat, readStored } from "../fat/read_fat.ts";
import { bootCodeBytes, placeBootCode, readCoreSector } from "./grub_boot_code.ts";
import { composeFiles, readContent, type StickOptions } from "./stick_image.ts";
import { firmwarePath, holdsKeys, type StickFile } from "./stick_content.ts";
import { corePlaces, readStickTable, type StickLayout, stickNames } from "./stick_layout.ts";
import type { BuiltStick } from "./stick_parts.ts";
import { readUsedBytes } from "../second_boot/plan_place.ts";
import { keysOf, listSilenced, parseStickRecord, type StickRecord, stickRecordPath } from "./stick_record.ts";

export type { ReadAt } from "../fat/read_fat.ts";
export type { StickWrite, WriteGroups } from "../fat/plan_fat.ts";

export type StickUpdate =
  /** Nothing of ours, or damaged: only a new stick helps. */
  | { readonly kind: "foreign"; readonly reason: string }
  /** Ours, and what is new has no room beside what is old. */
  | { readonly kind: "full" }
  /** All is on it already. */
  | { readonly kind: "current" }
  | {
    readonly kind: "update";
    /** Between two groups what was written has to be on the device; inside one the order does not matter. */
    readonly groups: WriteGroups;
    readonly writtenBytes: number;
    /** Paths of files that are new or changed. */
    readonly changed: readonly string[];
    /** Laptops that the stick knows and that answer only to a key that goes from it. */
    readonly silenced: readonly string[];
    /** What a second boot has left goes. */
    readonly emptiesPlace: boolean;
    /** The own key of the stick goes from it: laptops that it does not know will not answer either. */
    readonly hasNewKey: boolean;
    /** Desktops with this processor start from it until now, and not any more. */
    readonly leaves: ArchitectureName | undefined;
  };

/** @param readAt the device, past every cache @throws {UserError} when nothing was built */
export async function planStickUpdate(
  system: System,
  readAt: ReadAt,
  options: StickOptions & { readonly sizeBytes: number },
): Promise<StickUpdate> {
  const stick = await readStick(readAt, options);
  if ("reason" in stick) return { kind: "foreign", reason: stick.reason };
  const { built, record } = await readContent(system, stick.record, options);
  return planUpdate(stick, { built, record, files: composeFiles(built, record, stick.place?.partitionUuid) });
}

/** All of a stick that counts. */
export interface StickState {
  readonly fat: FatState;
  /** By path. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly record: StickRecord;
  /** The first block of the device, and the one with the boot sector of the file system. */
  readonly firstBlock: Uint8Array;
  readonly reserved: Uint8Array;
  /** What is in the two places for GRUB's core image. */
  readonly cores: readonly [Uint8Array, Uint8Array];
  /** For a second boot. */
  readonly place?: NonNullable<StickLayout["place"]> & {
    /** 0: it is empty. */
    readonly usedBytes: number;
  };
}

/** Reads a device. @returns why it is no stick of ours, otherwise */
export async function readStick(
  readAt: ReadAt,
  { sectorBytes = 512, sizeBytes }: Pick<StickOptions, "sectorBytes"> & { readonly sizeBytes: number },
): Promise<StickState | { readonly reason: string }> {
  const firstMiB = await readAt(0, 1024 * 1024);
  const table = readStickTable(firstMiB, { sectorBytes, sizeBytes });
  if (table === undefined) return { reason: "its partition table is not one of ours" };
  const { efi, place } = table;
  try {
    const geometry = planFat({ sectorBytes, ...efi });
    const reserved = await readAt(efi.offsetBytes, formatReserved(geometry, stickNames).length);
    if (!isOurFat(reserved, geometry)) return { reason: "its file system was not made by us" };
    const fat = await readFat(readAt, geometry);
    const contents = new Map<string, Uint8Array>();
    for (const [path, file] of fat.files) contents.set(path, await readStored(readAt, geometry, file));
    const record = parseStickRecord(contents.get(stickRecordPath) ?? new Uint8Array());
    if (record === undefined) return { reason: `"${stickRecordPath}" on it cannot be read` };
    const read = (index: 0 | 1): Promise<Uint8Array> =>
      readAt(corePlaces[index].sector * 512, corePlaces[index].maximumBytes);
    const cores = [await read(0), await read(1)] as const;
    const usedBytes = place === undefined
      ? 0
      : readUsedBytes(await readAt(place.offsetBytes, blockBytes), place.sizeBytes);
    return {
      fat,
      contents,
      record,
      firstBlock: firstMiB.slice(0, blockBytes),
      reserved,
      cores,
      ...place === undefined ? {} : { place: { ...place, usedBytes } },
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { reason: `its file system is damaged: ${error.message}` };
  }
}

/** Bits with which Linux and Windows mark a mounted file system: byte 65 of the boot sector. */
const stateOffset = 65;

/** The boot sector is ours; counters in FSInfo are others' business. */
function isOurFat(reserved: Uint8Array, geometry: FatGeometry): boolean {
  const boot = Uint8Array.from(reserved.subarray(0, 512));
  boot[stateOffset] = 0;
  return sameBytes(boot, formatReserved(geometry, stickNames).subarray(0, 512));
}

/** Pure. */
export function planUpdate(
  stick: StickState,
  { built, files, record }: {
    readonly built: Pick<BuiltStick, "grubBoot" | "grubCore">;
    readonly files: readonly StickFile[];
    readonly record: StickRecord;
  },
): StickUpdate {
  const planned = files.map((file) => findStored(stick, file));
  const changed = planned.filter(({ storedAs }) => storedAs === undefined).map(({ path }) => path);
  const isSame = planned.every(({ path, storedAs }) => storedAs === path) && planned.length === stick.contents.size;
  const fatGroups = isSame
    ? planFatRepair(stick.fat)
    : planFatChange(stick.fat, { files: planned, label: stickNames.label });
  if (fatGroups === undefined) return { kind: "full" };
  const emptying = planEmptying(stick);
  const groups = [
    ...emptying,
    ...planCore(stick, built),
    ...planReserved(stick),
    ...fatGroups,
    ...planErasing(stick, planned),
  ];
  if (groups.length === 0) return { kind: "current" };
  return {
    kind: "update",
    groups,
    writtenBytes: groups.flat().reduce((sum, { bytes }) => sum + bytes.length, 0),
    changed,
    emptiesPlace: emptying.length > 0,
    silenced: listSilenced(stick.record, record),
    leaves: architectureNames.map((name) => ({ name, path: firmwarePath(name) }))
      .find(({ path }) => stick.contents.has(path) && !files.some((file) => file.path === path))?.name,
    hasNewKey: !keysOf(record).has(stick.record.keyFingerprint),
  };
}

/** A file with the same content that is on the stick: the one with the same path, if there are several. */
function findStored({ contents }: StickState, file: StickFile): NewFile {
  const own = contents.get(file.path);
  if (own !== undefined && sameBytes(own, file.bytes)) return { ...file, storedAs: file.path };
  return file;
}

/** The clusters of keys that go: they are given back by then. What a flash device keeps beside them is its own. */
function planErasing({ fat: { files, geometry } }: StickState, planned: readonly NewFile[]): WriteGroups {
  const kept = new Set(planned.map(({ storedAs }) => storedAs));
  const clusters = [...files].filter(([path]) => holdsKeys(path) && !kept.has(path))
    .flatMap(([, file]) => file.clusters);
  const bytes = new Uint8Array(blockBytes);
  return clusters.length === 0
    ? []
    : [clusters.map((cluster) => ({ offset: clusterOffset(geometry, cluster), bytes }))];
}

/** What is written over the boot sector of the file system and FSInfo, when others have changed them. */
function planReserved({ fat: { geometry }, reserved }: StickState): WriteGroups {
  const wanted = formatReserved(geometry, stickNames);
  const writes: StickWrite[] = [];
  for (let at = 0; at < wanted.length; at += blockBytes) {
    const bytes = wanted.slice(at, at + blockBytes);
    if (sameBytes(bytes, reserved.subarray(at, at + blockBytes))) continue;
    writes.push({ offset: geometry.offsetBytes + at, bytes });
  }
  return writes.length === 0 ? [] : [writes];
}

const emptyPiece = new Uint8Array(4 * 1024 * 1024);

/** Its first block, with the mark of how much there is, goes last. */
function planEmptying({ place }: StickState): WriteGroups {
  if (place === undefined || place.usedBytes === 0) return [];
  const rest: StickWrite[] = [];
  for (let at = blockBytes; at < place.usedBytes; at += emptyPiece.length) {
    const bytes = emptyPiece.subarray(0, Math.min(emptyPiece.length, place.usedBytes - at));
    rest.push({ offset: place.offsetBytes + at, bytes });
  }
  return [rest, [{ offset: place.offsetBytes, bytes: emptyPiece.subarray(0, blockBytes) }]];
}

/** The core image goes into the place that the boot sector does not name; then the boot sector names it. */
function planCore(
  { fat: { geometry }, firstBlock, cores }: StickState,
  { grubBoot, grubCore }: Pick<BuiltStick, "grubBoot" | "grubCore">,
): WriteGroups {
  if (geometry.sectorBytes !== 512) return [];
  const current = corePlaces.findIndex(({ sector }) => sector === readCoreSector(firstBlock));
  const withBoot = (bootSector: Uint8Array): Uint8Array => {
    const block = firstBlock.slice();
    block.set(bootSector);
    return block;
  };
  if (grubBoot === undefined || grubCore === undefined) {
    const none = new Uint8Array(bootCodeBytes);
    return sameBytes(none, firstBlock.subarray(0, bootCodeBytes)) ? [] : [[{ offset: 0, bytes: withBoot(none) }]];
  }
  const used = corePlaces[current];
  if (used !== undefined) {
    const { bootSector, core } = placeBootCode(grubBoot, grubCore, used);
    const stored = cores[current === 0 ? 0 : 1].subarray(0, core.length);
    if (sameBytes(core, stored) && sameBytes(bootSector, firstBlock.subarray(0, bootCodeBytes))) return [];
  }
  const place = corePlaces[current === 0 ? 1 : 0];
  const { bootSector, core } = placeBootCode(grubBoot, grubCore, place);
  const padded = new Uint8Array(Math.ceil(core.length / blockBytes) * blockBytes);
  padded.set(core);
  return [
    [{ offset: place.sector * 512, bytes: padded }],
    [{ offset: 0, bytes: withBoot(bootSector) }],
  ];
}
