import assert from "node:assert/strict";
import { measureSealRate } from "./seal_rate.ts";

Deno.test("sealing and opening are measured by the clock that is given", async () => {
  let nowMs = 0;
  // Each look at the clock is 10 ms later: both directions take 10 ms for each of two pieces of 524288 bytes.
  const rate = await measureSealRate({ nowMs: () => nowMs += 10, roundBytes: 1_500_000, rounds: 2 });
  assert.equal(rate.sealMBps.toFixed(3), "52.429");
  assert.equal(rate.openMBps.toFixed(3), "52.429");
});
