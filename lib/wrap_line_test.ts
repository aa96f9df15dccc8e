import assert from "node:assert/strict";
import { wrapLine } from "./wrap_line.ts";

Deno.test("a line breaks between words; a word that is longer than a line stands whole, and what follows goes on", () => {
  assert.deepEqual(wrapLine("one two three", 2, 8), ["one two", "  three"]);
  assert.deepEqual(wrapLine("  /a/very/long/path is not there", 2, 14), ["  /a/very/long/path", "  is not there"]);
  assert.deepEqual(wrapLine("-> /a/very/long/path is there", 3, 12), ["-> /a/very/long/path", "   is there"]);
  assert.deepEqual(wrapLine("/a/very/long/path", 4, 8), ["/a/very/long/path"]);
  assert.deepEqual(wrapLine("a b c", 10, 4), ["a b c"]);
  assert.deepEqual(wrapLine("", 2, 8), [""]);
});

Deno.test("a command of ours is not broken: it is copied, and made to fit the place where it is typed", () => {
  assert.deepEqual(wrapLine("-> Run sudo ./stiefelsystem setup-server again", 3, 30), [
    "-> Run",
    "   sudo ./stiefelsystem setup-server",
    "   again",
  ]);
  assert.deepEqual(wrapLine("Then run ./stiefelsystem doctor.", 0, 20), ["Then run", "./stiefelsystem doctor."]);
});
