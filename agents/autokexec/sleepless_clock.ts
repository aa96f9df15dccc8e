import type { System } from "../../lib/system/system.ts";

/**
 * By so much the time of day has to be ahead to mean a sleep; what it is read and set less exactly does not make the
 * clock faster.
 */
const noticedMs = 1_000;

/**
 * Milliseconds of a clock that never goes back and, other than the one of a process (clock_gettime(2),
 * CLOCK_MONOTONIC), goes on while the machine is suspended: by what the time of day has gone forward in between. It
 * jumps, too, when a user or a program sets that forward; it never stands still by it.
 */
export function createSleeplessClock(system: Pick<System, "monotonicMs" | "wallClockMs">): () => number {
  let awakeMs = system.monotonicMs();
  let wallMs = system.wallClockMs();
  let nowMs = 0;
  return () => {
    const [newAwakeMs, newWallMs] = [system.monotonicMs(), system.wallClockMs()];
    const passedMs = newAwakeMs - awakeMs;
    const asleepMs = newWallMs - wallMs - passedMs;
    nowMs += passedMs + (asleepMs > noticedMs ? asleepMs : 0);
    [awakeMs, wallMs] = [newAwakeMs, newWallMs];
    return nowMs;
  };
}
