import assert from "node:assert/strict";
import { findBytes, findDifference, isFilledWith, sameBytes } from "./bytes.ts";

Deno.test("the first difference of two pieces: a byte, or where the shorter one ends", () => {
  const cases: readonly (readonly [one: readonly number[], other: readonly number[], index: number])[] = [
    [[], [], -1],
    [[1, 2, 3], [1, 2, 3], -1],
    [[1, 2, 3], [1, 0, 3], 1],
    [[1, 2, 3], [1, 2], 2],
    [[1, 2], [1, 2, 3], 2],
    [[], [0], 0],
  ];
  for (const [one, other, index] of cases) {
    assert.equal(findDifference(Uint8Array.from(one), Uint8Array.from(other)), index, `${one} and ${other}`);
    assert.equal(sameBytes(Uint8Array.from(one), Uint8Array.from(other)), index === -1);
  }
});

Deno.test("a piece is filled with a byte when no other is in it", () => {
  assert.ok(isFilledWith(new Uint8Array(5), 0));
  assert.ok(isFilledWith(new Uint8Array(0), 7));
  assert.ok(!isFilledWith(Uint8Array.from([0, 0, 1]), 0));
});

Deno.test("a part of bytes is found as a part of a text is", () => {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (
    const [text, part, from] of [["aabaab", "ab", 0], ["aabaab", "ab", 2], ["aab", "abc", 0], ["", "a", 0], [
      "aaa",
      "aa",
      1,
    ], ["ab", "b", 2]] as const
  ) {
    assert.equal(
      findBytes(encode(text), encode(part), from),
      text.indexOf(part, from),
      `${part} in ${text} from ${from}`,
    );
  }
});
