import assert from "node:assert/strict";
import { wrapWarning } from "./terminal_ui.ts";

Deno.test("a warning breaks between words, and leaves commands and excerpts whole", () => {
  assert.deepEqual(wrapWarning("a word that is too much: ./stiefelsystem create-initrd", 24), [
    "Warning: a word that is",
    "    too much:",
    "    ./stiefelsystem create-initrd",
  ]);
  const excerpt = "  2 |   key: a value that is long";
  assert.deepEqual(wrapWarning(`f:2:3: wrong\n${excerpt}`, 20), ["Warning: f:2:3:", "    wrong", excerpt]);
});
