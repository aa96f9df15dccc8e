/** How much memory a guest's changes may take, and how full it is. Pure. */

/** For a laptop that serves: its agent, the packets under way, the kernel's own tables of what is in the stores. */
const reserveBytes = 128 * 1024 * 1024;
/** A desktop that starts writes some 10 to 30 MB. */
const leastBytes = 64 * 1024 * 1024;
/** From here on people are warned. */
export const WARN_PERCENT = 70;

export interface Memory {
  /** As the kernel estimates it ("MemAvailable", proc(5)). */
  readonly availableBytes: number;
  /** What other guests may still take. */
  readonly promisedBytes: number;
}

/**
 * Half of what is left, so that the next guest finds room, too.
 * @returns bytes, whole pages; undefined when it is too little to start a system
 */
export function planStore({ availableBytes, promisedBytes }: Memory): number | undefined {
  const half = (availableBytes - promisedBytes - reserveBytes) / 2;
  const bytes = Math.floor(half / 4096) * 4096;
  return bytes < leastBytes ? undefined : bytes;
}

export interface StoreLevel {
  readonly usedBytes: number;
  readonly sizeBytes: number;
  /** The kernel has no room for a change any more: nothing can be read from the snapshot, either. */
  readonly isFull: boolean;
}

/** Whole, and never 100 before it is full. */
export function percentOf({ usedBytes, sizeBytes, isFull }: StoreLevel): number {
  return isFull ? 100 : Math.min(99, Math.floor(100 * usedBytes / sizeBytes));
}

/**
 * Reads a line of `dmsetup status` (Documentation/admin-guide/device-mapper/snapshot.rst): "0 2048 snapshot 96/4096
 * 16", in sectors, or "Invalid" or "Overflow" in place of the numbers.
 * @param before what was known, for a store that is full
 * @returns undefined for what is no snapshot
 */
export function parseStoreLevel(line: string, before: StoreLevel): StoreLevel | undefined {
  const [, used, total, word] = /^\d+ \d+ snapshot (?:(\d+)\/(\d+) \d+|(Invalid|Overflow))\s*$/.exec(line) ?? [];
  if (word !== undefined) return { ...before, usedBytes: before.sizeBytes, isFull: true };
  if (used === undefined || total === undefined) return undefined;
  return { usedBytes: Number(used) * 512, sizeBytes: Number(total) * 512, isFull: false };
}
