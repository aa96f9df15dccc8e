import assert from "node:assert/strict";
import { describeRun, describeWhereItEnded, type Outcome } from "./apply_report.ts";
import type { Operation } from "./operations/kinds.ts";

const operations = ["a", "b", "c"].map((id): Operation => ({
  kind: "remove-file",
  id,
  path: `/${id}` as Extract<Operation, { kind: "remove-file" }>["path"],
  what: `do ${id}`,
  why: "",
  needs: [],
}));
const commands = { goOn: "setup-server", takeBack: "undo-setup" };
const next = ["To go on: setup-server", "To take it back: undo-setup"];

const cases: readonly (readonly [Readonly<Record<string, Outcome>>, readonly string[], readonly string[]])[] = [
  [{}, [], ["Stopped; nothing was changed."]],
  [{ a: "skipped", b: "unchanged" }, [], ["Stopped; nothing was changed."]],
  [{ a: "done" }, [], [
    ...["Stopped. Done so far:", "    do a", "Not looked at, or not done:", "    do b", "    do c", ...next],
  ]],
  [{}, ["a"], [
    ...[
      "Stopped. Begun, but not finished:",
      "    do a",
      "Not looked at, or not done:",
      "    do b",
      "    do c",
      ...next,
    ],
  ]],
  [{ a: "done", b: "skipped" }, ["a", "c"], [
    ...["Stopped. Done so far:", "    do a", "Begun, but not finished:", "    do c", ...next],
  ]],
  [{ a: "done", b: "done", c: "done" }, ["a"], [
    ...["Stopped. Done so far:", "    do a", "    do b", "    do c", ...next],
  ]],
];

for (const [outcomes, begun, lines] of cases) {
  Deno.test(`a run ends with ${JSON.stringify(outcomes)}, begun: ${begun.join(", ") || "nothing"}`, () => {
    const run = { outcomes: new Map(Object.entries(outcomes)), begun: new Set(begun) };
    assert.deepEqual(describeWhereItEnded({ operations }, run, commands), lines);
  });
}

Deno.test("what was skipped is counted where there is some", () => {
  assert.equal(describeRun(new Map([["a", "done"], ["b", "unchanged"]])), "1 done, 1 unchanged.");
  assert.equal(describeRun(new Map([["a", "skipped"]])), "0 done, 0 unchanged, 1 skipped.");
});
