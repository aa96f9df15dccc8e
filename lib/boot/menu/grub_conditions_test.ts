import assert from "node:assert/strict";
import { evaluateTest } from "./grub_conditions.ts";

const sizes: Readonly<Record<string, number>> = { "/file": 7, "/empty": 0 };
const files = {
  look: (path: string) =>
    path === "/dir"
      ? { kind: "directory" as const, sizeBytes: 0 }
      : Object.hasOwn(sizes, path)
      ? { kind: "file" as const, sizeBytes: sizes[path] ?? 0 }
      : undefined,
};

const cases: Readonly<Record<string, boolean>> = {
  // No expression is one that nothing has made false.
  "": true,
  "]": true,
  "x": true,
  "x ]": true,
  "x = x": true,
  "x == y": false,
  "x != y": true,
  "-n x": true,
  "hasOwnProperty x": true,
  "-z x": false,
  "2 -gt 10": false,
  "2 -lt 10": true,
  "-5 -lt 3": true,
  "0x10 -eq 16": true,
  "010 -eq 8": true,
  "12abc -eq 12": true,
  "abc -eq 0": true,
  "2 < 10": false,
  "a <= a": true,
  "vmlinuz-2 -plt vmlinuz-11": true,
  "vmlinuz-2 -pgt vmlinuz-11": false,
  "vmlinuz-6.12 -pgt vmlinuz-6.9": true,
  "! x": false,
  "! ! x": true,
  "! -f /nothing": true,
  "-f /file": true,
  // U4: what is there is not all the same.
  "-f /dir": false,
  "-f /empty": true,
  "-s /file": true,
  "-s /empty": false,
  "-s /dir": false,
  "-d /file": false,
  "-d /dir": true,
  "-e /dir": true,
  "-e /nothing": false,
  "/file -nt /nothing": true,
  "/nothing -nt /file": false,
  "/nothing -ot /file": true,
  "-e /file -a x = y": false,
  "-e /file x = y": false,
  "x = y -o -s /file": true,
  "x = x -o x = y -a x = y": true,
  "( x = y -o x = x ) -a x": true,
  "! ( x = y )": true,
  "-n": true,
  "= = =": true,
};

for (const [text, result] of Object.entries(cases)) {
  Deno.test(`[ ${text} ] is ${result}`, () => {
    assert.equal(evaluateTest(text.split(" ").filter(Boolean), files), result);
  });
}

Deno.test("an empty word is a word", () => {
  assert.equal(evaluateTest([""], files), false);
  assert.equal(evaluateTest(["", "-a", "x"], files), false);
  assert.equal(evaluateTest(["-f", "", "]"], files), false);
  assert.equal(evaluateTest(["-z", ""], files), true);
  assert.equal(evaluateTest(["", "=", ""], files), true);
});
