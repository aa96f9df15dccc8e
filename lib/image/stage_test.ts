import assert from "node:assert/strict";
import { canonicalJson, stageKey } from "./stage.ts";

Deno.test("the order of an object's keys does not matter, that of a list does", () => {
  assert.equal(canonicalJson({ b: 1, a: { d: [1, 2], c: null } }), canonicalJson({ a: { c: null, d: [1, 2] }, b: 1 }));
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
});

Deno.test("a stage's key needs the results of what it depends on", () => {
  const stage = { name: "trim", title: "", needs: ["base"], inputs: null } as const;
  assert.throws(() => stageKey(stage, {}), TypeError);
  assert.notEqual(stageKey(stage, { base: "1" }), stageKey(stage, { base: "2" }));
  assert.match(stageKey(stage, { base: "1" }), /^[0-9a-f]{32}$/);
});

Deno.test("two stages with the same inputs have different keys", () => {
  const inputs = { version: 1 };
  const key = (name: "runtime" | "agents"): string => stageKey({ name, title: "", needs: [], inputs }, {});
  assert.notEqual(key("runtime"), key("agents"));
});
