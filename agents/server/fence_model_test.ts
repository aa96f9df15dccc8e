import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { FenceModel, type Mistake, mistakes, Wrong } from "../../tests/support/fence_model.ts";

const interleavings = 100_000;
const stepsEach = 150;

/** @returns what went wrong, and in which interleaving; undefined when nothing did */
function findWrong(mistake?: Mistake): string | undefined {
  for (let seed = 1; seed <= interleavings; seed++) {
    const model = new FenceModel(createSeededRandom(seed).below, mistake);
    try {
      for (let step = 0; step < stepsEach; step++) model.step();
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      return `${error.message} (seed ${seed})`;
    }
  }
  return undefined;
}

Deno.test("the fence: whatever happens in whatever order, only a system that has seen the last write writes", () => {
  assert.equal(findWrong(), undefined);
});

Deno.test("the fence: each rule is needed", () => {
  for (const mistake of mistakes) assert.notEqual(findWrong(mistake), undefined, mistake);
});
