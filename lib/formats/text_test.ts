import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import { decodeUtf8, encodeUtf8, isPrintable, toPrintable } from "./text.ts";

Deno.test("text that could move the cursor or hide words is not printable", () => {
  for (const text of ["\x1b[2J", "a\nb", "a\0", "\u202egnp.exe", "\u200b", "\ud800", "\u2028", "\x7f", "\ufeff"]) {
    assert.equal(isPrintable(text), false, JSON.stringify(text));
  }
  for (const text of ["", "Samsung SSD 990 PRO", "größe", "日本語", "🖥️".slice(0, 2)]) {
    assert.equal(isPrintable(text), true, text);
  }
});

Deno.test("text is made printable and cut between characters", () => {
  assert.equal(toPrintable("a\x1bb\n", 10), "a?b?");
  assert.equal(toPrintable("aäöü", 4), "aä");
  assert.equal(toPrintable("\ud800", 4), "?");
  assert.equal(toPrintable("🖥🖥", 7), "🖥");
});

Deno.test("bytes that are not UTF-8 are refused", () => {
  for (const hex of ["ff", "c3", "c080", "eda080", "f5808080"]) {
    assert.throws(() => decodeUtf8(Uint8Array.fromHex(hex), "It"), ProtocolError);
  }
  assert.equal(decodeUtf8(encodeUtf8("\ufeffä"), "It"), "\ufeffä");
});
