import assert from "node:assert/strict";
import { evaluateTest } from "./grub_conditions.ts";

const files = { exists: (path: string): boolean => path === "/grub/custom.cfg" };
const cases: Readonly<Record<string, boolean>> = {
  "": false,
  "x": true,
  "x = x": true,
  "x == y": false,
  "x != y": true,
  "-n x": true,
  "-z x": false,
  "2 -gt 10": false,
  "2 -lt 10": true,
  "! x": false,
  "! -f /nothing": true,
  "-f /grub/custom.cfg": true,
  "-e /grub/custom.cfg -a x = y": false,
  "x = y -o -s /grub/custom.cfg": true,
  "( x = y -o x = x ) -a x": true,
  "-n": true,
};

for (const [text, result] of Object.entries(cases)) {
  Deno.test(`[ ${text} ] is ${result}`, () => {
    assert.equal(evaluateTest(text.split(" ").filter(Boolean), files), result);
  });
}

Deno.test("an empty word is a word", () => {
  assert.equal(evaluateTest([""], files), false);
  assert.equal(evaluateTest(["-z", ""], files), true);
  assert.equal(evaluateTest(["", "=", ""], files), true);
});
