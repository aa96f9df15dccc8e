import assert from "node:assert/strict";
import { parseOsRelease } from "./os_release.ts";

Deno.test("os-release values may be quoted and escaped", () => {
  const fields = parseOsRelease(
    `# comment\nA=plain\nB="with \\"quotes\\" and \\$"\nC='single \\ kept'\nD=\n  E=e  \nnot a line\n`,
  );
  assert.deepEqual(Object.fromEntries(fields), {
    A: "plain",
    B: 'with "quotes" and $',
    C: "single \\ kept",
    D: "",
    E: "e",
  });
});
