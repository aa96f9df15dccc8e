import assert from "node:assert/strict";
import { createSleeplessClock } from "./sleepless_clock.ts";

Deno.test("the clock goes on while the machine sleeps, and never back", () => {
  let [awakeMs, wallMs] = [1_000, 50_000];
  const now = createSleeplessClock({ monotonicMs: () => awakeMs, wallClockMs: () => wallMs });
  const pass = (awake: number, wall: number): number => {
    [awakeMs, wallMs] = [awakeMs + awake, wallMs + wall];
    return now();
  };
  assert.equal(now(), 0);
  assert.equal(pass(200, 200), 200);
  assert.equal(pass(0, 15_000), 15_200, "asleep");
  assert.equal(pass(100, -3_600_000), 15_300, "somebody has set the time of day back");
  assert.equal(pass(0, 15_000), 30_300, "asleep after that");
});

Deno.test("the clock is not faster when it is asked often: the time of day goes by whole milliseconds", () => {
  let awakeMs = 0;
  const now = createSleeplessClock({ monotonicMs: () => awakeMs, wallClockMs: () => Math.floor(awakeMs) });
  for (; awakeMs < 1_000; awakeMs += 0.25) now();
  assert.equal(now(), 1_000);
});
