import assert from "node:assert/strict";
import { choosePagers } from "./terminal_pager.ts";

const less = ["less", "-F", "-R", "-X"];
const table: readonly (readonly [pager: string | undefined, first: readonly string[] | undefined])[] = [
  [undefined, less],
  ["less", less],
  ["/usr/bin/less -i", ["less", "-i", "-F", "-R", "-X"]],
  ["most -s", ["most", "-s"]],
  // No grant for others.
  ["sh -c evil", less],
  ["vim -R -", less],
  ["", undefined],
  ["cat", undefined],
];
for (const [pager, first] of table) {
  Deno.test(`P6: with PAGER ${pager === undefined ? "not set" : `"${pager}"`} the plan is shown by ${first?.[0]}`, () => {
    assert.deepEqual(choosePagers(pager)[0], first);
  });
}
