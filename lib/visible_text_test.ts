import assert from "node:assert/strict";
import { makeVisible } from "./visible_text.ts";

Deno.test("control characters are shown as numbers; tabs, ends of lines and letters stay", () => {
  assert.equal(makeVisible("\x1b]0;x\x07 \u202eab\x9b"), "<1b>]0;x<07> <202e>ab<9b>");
  assert.equal(makeVisible("a\tb\nä€😀"), "a\tb\nä€😀");
});
