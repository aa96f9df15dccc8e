import assert from "node:assert/strict";
import { findPrompts } from "./console_prompts.ts";

const prompt = /passphrase for \w+: /;

Deno.test("a prompt is seen once, also when it came in two pieces", () => {
  const first = findPrompts("Booting\r\nEnter passphrase for ", { prompt, from: 0 });
  assert.deepEqual(first, { count: 0, end: 0 });
  const text = "Booting\r\nEnter passphrase for hd0: ";
  const second = findPrompts(text, { prompt, from: first.end });
  assert.deepEqual(second, { count: 1, end: text.length });
  assert.deepEqual(findPrompts(`${text}\r\nLoading`, { prompt, from: second.end }), { count: 0, end: text.length });
});

Deno.test("each prompt counts", () => {
  const text = "passphrase for a: \r\nWrong\r\npassphrase for a: ";
  assert.deepEqual(findPrompts(text, { prompt, from: 0 }), { count: 2, end: text.length });
});
