import type { System } from "../../lib/system/system.ts";

/**
 * Milliseconds of a clock that never goes back and, other than the one of a process (clock_gettime(2), CLOCK_MONOTONIC), goes on while the machine
 * is suspended: by what the time of day has gone forward in between. It may go too fast when somebody sets that, never too slow by it.
 */
export function createSleeplessClock(system: Pick<System, "monotonicMs" | "wallClockMs">): () => number {
  let awakeMs = system.monotonicMs();
  let wallMs = system.wallClockMs();
  let nowMs = 0;
  return () => {
    const [newAwakeMs, newWallMs] = [system.monotonicMs(), system.wallClockMs()];
    nowMs += Math.max(newAwakeMs - awakeMs, newWallMs - wallMs);
    [awakeMs, wallMs] = [newAwakeMs, newWallMs];
    return nowMs;
  };
}
