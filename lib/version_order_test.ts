import assert from "node:assert/strict";
import { compareVersions } from "./version_order.ts";

/** Ascending, from the examples of the specification and from kernels that exist. */
const ascending = [
  "122~rc1",
  "122",
  "122.1",
  "123~rc1-1",
  "123",
  "123-a",
  "123-a.1",
  "123-a1",
  "123-3",
  "123-3.1",
  "123^patch1",
  "123^1",
  "123.a-1",
  "123.1-1",
  "123a-1",
  "124",
];

Deno.test("versions are ordered as the specification's list", () => {
  ascending.forEach((a, i) =>
    ascending.forEach((b, j) => {
      assert.equal(compareVersions(a, b), Math.sign(i - j), `${a} against ${b}`);
    })
  );
});

Deno.test("L8: a candidate is older than the release, and what follows a mark counts", () => {
  assert.equal(compareVersions("6.12~rc6-amd64", "6.12.9-amd64"), -1);
  assert.equal(compareVersions("6.12~rc6-amd64", "6.12-amd64"), -1);
  assert.equal(compareVersions("6.12.21+", "6.12.21-gentoo"), -1);
});

Deno.test("kernel versions are ordered by number, not by text", () => {
  assert.equal(compareVersions("6.12.9-amd64", "6.12.10-amd64"), -1);
  assert.equal(compareVersions("6.9.12-200.fc40.x86_64", "6.10.3-200.fc40.x86_64"), -1);
  assert.equal(compareVersions("6.12.0~rc3-1", "6.12.0-1"), -1);
  assert.equal(compareVersions("007", "7"), 0);
  assert.equal(compareVersions("a_b+c", "a+bc"), -1);
  assert.equal(compareVersions("", "1"), -1);
});
