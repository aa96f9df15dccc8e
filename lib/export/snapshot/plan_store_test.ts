import assert from "node:assert/strict";
import { parseStoreLevel, percentOf, planStore } from "./plan_store.ts";

const MiB = 1024 * 1024;

Deno.test("a guest may change as much as half of the memory that is left", () => {
  const table: readonly (readonly [availableMiB: number, promisedMiB: number, storeMiB: number | undefined])[] = [
    [16_128, 0, 8_000],
    [16_128, 8_000, 4_000],
    [384, 0, 128],
    [255, 0, undefined],
    [384, 300, undefined],
  ];
  for (const [available, promised, store] of table) {
    const bytes = planStore({ availableBytes: available * MiB, promisedBytes: promised * MiB });
    assert.equal(bytes === undefined ? undefined : bytes / MiB, store, `${available} and ${promised}`);
  }
});

Deno.test("a store has whole pages", () => {
  assert.equal((planStore({ availableBytes: 400 * MiB + 5_001, promisedBytes: 0 }) ?? 1) % 4096, 0);
});

const before = { usedBytes: 512, sizeBytes: 4096, isFull: false };

Deno.test("the level is read from what the kernel says", () => {
  assert.deepEqual(parseStoreLevel("0 8388608 snapshot 96/4096 0", before), {
    usedBytes: 49_152,
    sizeBytes: 2_097_152,
    isFull: false,
  });
  for (const word of ["Invalid", "Overflow"]) {
    assert.deepEqual(parseStoreLevel(`0 8388608 snapshot ${word}`, before), {
      usedBytes: 4096,
      sizeBytes: 4096,
      isFull: true,
    });
  }
  for (const line of ["", "0 8 linear", "0 8 snapshot", "0 8 snapshot-origin 1/2 3", "0 8 snapshot Unknown"]) {
    assert.equal(parseStoreLevel(line, before), undefined, line);
  }
});

Deno.test("100 % means full, and nothing less does", () => {
  assert.equal(percentOf({ usedBytes: 4096, sizeBytes: 4096, isFull: false }), 99);
  assert.equal(percentOf({ usedBytes: 2867, sizeBytes: 4096, isFull: false }), 69);
  assert.equal(percentOf({ usedBytes: 0, sizeBytes: 4096, isFull: true }), 100);
});
