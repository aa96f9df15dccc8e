/**
 * What is written to the place for one second boot: a new FAT each time, large files side by side. Pure.
 *
 * The first block is the switch: without it there is no file system for anybody, whatever else is written. In a part
 * of it that FAT leaves alone (between the sectors of FSInfo and of the backup) a mark tells how far the place is used.
 */

import { blockBytes, clusterOffset, firstCluster, formatReserved, planFat } from "../fat/geometry.ts";
import { planFatChange } from "../fat/plan_fat.ts";
import { emptyFat, type StoredFile } from "../fat/read_fat.ts";
import type { PlaceSize } from "./place.ts";

/** A file that is copied as it lies. */
export interface CopiedFile {
  /** On the place, without a slash at the start. */
  readonly path: string;
  readonly from: string;
  readonly sizeBytes: number;
}

export interface TextFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface PlacePlan {
  /** All that comes before the copied files, whole blocks: the file system's own, its directories, the texts. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** The first block while all else is written: no file system, but the mark. */
  readonly mark: Uint8Array<ArrayBuffer>;
  readonly copies: readonly (CopiedFile & {
    /** From the start of the place, whole blocks. */
    readonly offset: number;
  })[];
  /** From the start of the place, whole blocks. */
  readonly usedBytes: number;
}

const names = { label: "STIEFELONCE", volumeId: 0x5a1e_f1e8 } as const;
/** Directories and texts take a few of them. */
const smallClusters = 256;
/** Sector 2 of 512 bytes, or the unused part of the first one of 4096. */
const markOffset = 1024;
const markBytes = 64;
const markText = "stiefelsystem second boot";

/** @returns undefined when the files have no room */
export function planPlace(
  place: PlaceSize,
  { copied, texts }: { readonly copied: readonly CopiedFile[]; readonly texts: readonly TextFile[] },
): PlacePlan | undefined {
  const geometry = planFat({ ...place, offsetBytes: 0 });
  const files = new Map<string, StoredFile>();
  const start = firstCluster + 1 + smallClusters;
  let next = start;
  const copies = copied.map((file) => {
    const count = Math.ceil(file.sizeBytes / blockBytes);
    const clusters = Array.from({ length: count }, (_, index) => next + index);
    files.set(file.path, { clusters, sizeBytes: file.sizeBytes });
    const offset = clusterOffset(geometry, next);
    next += count;
    return { ...file, offset };
  });
  if (next > geometry.clusterCount + firstCluster) return undefined;
  const empty = emptyFat(geometry);
  const used = new Set([...empty.used, ...[...files.values()].flatMap(({ clusters }) => clusters)]);
  const groups = planFatChange({ ...empty, files, used }, {
    files: [...texts, ...copied.map(({ path, sizeBytes }) => ({ path, sizeBytes, storedAs: path }))],
    label: names.label,
  });
  if (groups === undefined) return undefined;
  const usedBytes = clusterOffset(geometry, next);
  const head = new Uint8Array(clusterOffset(geometry, start));
  head.set(formatReserved(geometry, names));
  for (const { offset, bytes } of groups.flat()) head.set(bytes, offset);
  const mark = formatMark(usedBytes);
  head.set(mark.subarray(markOffset, markOffset + markBytes), markOffset);
  return { head, mark, copies, usedBytes };
}

function formatMark(usedBytes: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(blockBytes);
  block.set(new TextEncoder().encode(`${markText}\n${usedBytes}\n`), markOffset);
  return block;
}

/**
 * How much of the place has to be emptied.
 * @param first its first block
 * @returns in bytes; 0: it is empty
 */
export function readUsedBytes(first: Uint8Array, sizeBytes: number): number {
  if (first.every((byte) => byte === 0)) return 0;
  const text = new TextDecoder("latin1").decode(first.subarray(markOffset, markOffset + markBytes));
  const [, count] = new RegExp(`^${markText}\n([1-9]\\d{0,11})\n`).exec(text) ?? [];
  const usedBytes = Number(count);
  return usedBytes % blockBytes === 0 && usedBytes <= sizeBytes ? usedBytes : sizeBytes;
}
