import assert from "node:assert/strict";
import { type HandoverExtent, listExtents } from "./plan_memory.ts";

const MiB = 1024 * 1024;

Deno.test("as much is handed over as fits, here and there", () => {
  // In MiB: all, available, kernel and initramfs for desktops. The image has 12 and 70.
  const cases: readonly (readonly [number, number, number, readonly HandoverExtent[]])[] = [
    [16384, 12000, 90, ["everything", "description", "nothing"]],
    [16384, 12000, 0, ["description", "nothing"]],
    [16384, 567, 90, ["description", "nothing"]], // 3 * (70 + 90) + 2 * 12 + 64 = 568
    [16384, 568, 90, ["everything", "description", "nothing"]],
    [16384, 297, 90, ["nothing"]],
    [16384, 12000, 9000, ["description", "nothing"]], // more than half
    [1024, 900, 100, ["everything", "description", "nothing"]],
    [700, 699, 100, ["description", "nothing"]], // the server would have no room
    [0, 900, 0, ["nothing"]], // how much there is cannot be told
  ];
  for (const [total, available, pair, wanted] of cases) {
    const facts = {
      totalBytes: total * MiB,
      availableBytes: available * MiB,
      kernelBytes: 12 * MiB,
      initrdBytes: 70 * MiB,
      pairBytes: pair * MiB,
    };
    assert.deepEqual(listExtents(facts), wanted, `${total} ${available} ${pair}`);
  }
});

Deno.test("an image that keeps its initrd needs room for it, and for a copy", () => {
  const facts = {
    totalBytes: 1024 * MiB,
    availableBytes: 900 * MiB,
    kernelBytes: 12 * MiB,
    initrdBytes: 90 * MiB,
    pairBytes: 170 * MiB,
  };
  assert.equal(listExtents(facts)[0], "everything");
  assert.equal(listExtents({ ...facts, isInitrdKept: true })[0], "description");
});
