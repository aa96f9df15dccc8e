import assert from "node:assert/strict";
import { ForeignAskers } from "./foreign_askers.ts";

Deno.test("a desktop with several keys, ours among them, is no news: whichever key it asks with first", () => {
  const askers = new ForeignAskers();
  const said: boolean[] = [];
  for (const round of [0, 250, 750, 1_750, 3_750, 7_750, 11_750, 59_000]) {
    said.push(askers.noteForeign("fe80::1", round), askers.noteForeign("fe80::1", round + 1));
    askers.noteOurs("fe80::1", round + 2);
  }
  assert.deepEqual(new Set(said), new Set([false]));
});

Deno.test("a desktop that goes on asking without our key is news", () => {
  const askers = new ForeignAskers();
  const ask = (nowMs: number, source = "fe80::1"): boolean => askers.noteForeign(source, nowMs);
  assert.deepEqual([0, 3, 250, 750, 999, 1_000, 1_750].map((nowMs) => ask(nowMs)), [
    ...Array<boolean>(5).fill(false),
    ...Array<boolean>(2).fill(true),
  ]);
  assert.equal(ask(1_750, "fe80::2"), false, "each desktop has its own time");
  assert.equal(ask(20_000), false, "a new search, with another stick");
  assert.equal(ask(21_000), true);
});

Deno.test("one that had our key and has another one by now is news after a minute", () => {
  const askers = new ForeignAskers();
  askers.noteOurs("fe80::1", 0);
  for (const nowMs of [10_000, 12_000, 59_999]) assert.equal(askers.noteForeign("fe80::1", nowMs), false, `${nowMs}`);
  assert.equal(askers.noteForeign("fe80::1", 60_000), false);
  assert.equal(askers.noteForeign("fe80::1", 61_000), true);
});

Deno.test("forged sources fill no memory", () => {
  const askers = new ForeignAskers();
  askers.noteForeign("first", 0);
  for (let number = 0; number < 64; number++) askers.noteForeign(`fe80::${number}`, 0);
  assert.equal(askers.noteForeign("first", 1_500), false, "it was forgotten");
  assert.equal(askers.noteForeign("fe80::63", 1_500), true);
});
