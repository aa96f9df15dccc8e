import assert from "node:assert/strict";
import { ASKER_LIFETIME_MS, RecentAskers } from "./recent_askers.ts";

Deno.test("A1: who has asked is expected for a minute, on the link where it asked", () => {
  const askers = new RecentAskers();
  askers.note("fe80::1%eth0", 1_000);
  const cases: readonly [string, number, boolean][] = [
    ["fe80::1%eth0", 1_000, true],
    ["fe80::1%eth0", 999 + ASKER_LIFETIME_MS, true],
    ["fe80::1%eth0", 1_000 + ASKER_LIFETIME_MS, false],
    ["fe80::1%eth1", 1_000, false],
    ["fe80::2%eth0", 1_000, false],
  ];
  for (const [source, nowMs, expected] of cases) {
    assert.equal(askers.has(source, nowMs), expected, `${source} ${nowMs}`);
  }
});

Deno.test("A1: who asks again stays; of too many, who was silent longest is forgotten", () => {
  const askers = new RecentAskers();
  askers.note("first", 0);
  askers.note("second", 0);
  for (let index = 0; index < 62; index++) askers.note(`other ${index}`, 1);
  askers.note("first", 2);
  askers.note("one too many", 3);
  assert.deepEqual(["first", "second", "one too many"].map((source) => askers.has(source, 4)), [true, false, true]);
});
