import assert from "node:assert/strict";
import {
  endTries,
  PAIRING_MS,
  PAIRING_TRIES,
  type PairingFact,
  type PairingState,
  startPairingState,
  stepPairing,
} from "./pairing_state.ts";

const open = (triesLeft: number, untilMs = PAIRING_MS): PairingState => ({ kind: "open", triesLeft, untilMs });
const over = (why: "time" | "tries"): PairingState => ({ kind: "over", why });

const cases: readonly [
  name: string,
  before: PairingState,
  fact: PairingFact["kind"],
  nowMs: number,
  after: PairingState,
  does: string,
][] = [
  ["the first desktop that asks gets a code", startPairingState, "asked", 0, open(3), "makes admits"],
  ["the next one is shown the same", open(3), "asked", 5, open(3), "admits"],
  ["one that asks late too", open(3), "asked", PAIRING_MS - 1, open(3), "admits"],
  ["after ten minutes it is over", open(3), "asked", PAIRING_MS, over("time"), ""],
  ["also without a desktop", open(3), "time-passed", PAIRING_MS, over("time"), ""],
  ["and not before", open(3), "time-passed", PAIRING_MS - 1, open(3), ""],
  ["a try is taken", open(3), "tried", 0, open(2), "admits"],
  ["the last one too", open(1), "tried", 0, open(0), "admits"],
  ["one more at the same time is not", open(0), "tried", 0, open(0), ""],
  ["none is left to ask for", open(0), "asked", 0, open(0), ""],
  ["a try after ten minutes is none", open(3), "tried", PAIRING_MS, over("time"), ""],
  ["a try without a code is none", startPairingState, "tried", 0, startPairingState, ""],
  ["a code is good once", open(2), "fitted", 0, startPairingState, ""],
  ["after its end nothing is taken", over("tries"), "asked", 0, over("tries"), ""],
  ["nothing is tried", over("time"), "tried", 0, over("time"), ""],
  ["until a person wants it", over("tries"), "renewed", 7, open(3, PAIRING_MS + 7), "makes"],
  ["who may also replace a code", open(1), "renewed", 7, open(3, PAIRING_MS + 7), "makes"],
];

for (const [name, before, kind, nowMs, after, does] of cases) {
  Deno.test(`pairing: ${name}`, () => {
    const step = stepPairing(before, { kind }, nowMs);
    assert.deepEqual(step.state, after);
    assert.equal([...step.makesCode ? ["makes"] : [], ...step.isAdmitted ? ["admits"] : []].join(" "), does);
  });
}

Deno.test("pairing: three wrong codes end it", () => {
  let state = stepPairing(startPairingState, { kind: "asked" }, 0).state;
  for (let tries = 1; tries <= PAIRING_TRIES; tries++) {
    assert.equal(state.kind, "open");
    state = endTries(stepPairing(state, { kind: "tried" }, tries).state);
  }
  assert.deepEqual(state, over("tries"));
});
