/** Noticing that no desktop wants the disk any more. */
import type { System } from "../../lib/system/system.ts";

export interface IdleOptions {
  readonly timeoutMs: number;
  /** Since when nobody has the disk, on the monotonic clock; undefined while somebody has it. */
  readonly freeSinceMs: () => number | undefined;
  readonly signal: AbortSignal;
}

/** @returns true once nobody has had the disk for `timeoutMs`, false when `signal` aborts before */
export async function waitUntilIdle(system: System, { timeoutMs, freeSinceMs, signal }: IdleOptions): Promise<boolean> {
  while (!signal.aborted) {
    const now = system.monotonicMs();
    const leftMs = (freeSinceMs() ?? now) + timeoutMs - now;
    if (leftMs <= 0) return true;
    await system.delay(leftMs, signal).catch(() => {});
  }
  return false;
}
