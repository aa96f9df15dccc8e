import assert from "node:assert/strict";
import { editDistance, nearestName } from "./nearest_name.ts";

Deno.test("the distance counts inserted, deleted, replaced and swapped characters", () => {
  for (
    const [a, b, distance] of [["", "", 0], ["", "abc", 3], ["disk", "disk", 0], ["disk", "dsik", 1], [
      "kitten",
      "sitting",
      3,
    ], ["ab", "ba", 1]] as const
  ) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

Deno.test("a name that is not near is not suggested", () => {
  const names = ["disk", "part", "load", "mac_detection", "exclude-packages"];
  for (
    const [typed, nearest] of [
      ["dsik", "disk"],
      ["parts", "part"],
      ["mac-detection", "mac_detection"],
      ["Exclude_Packages", "exclude-packages"],
      ["exclude-package", "exclude-packages"],
      ["xyz", undefined],
      ["", undefined],
      ["x".repeat(1000), undefined],
    ] as const
  ) {
    assert.equal(nearestName(typed, names), nearest, typed);
  }
});
