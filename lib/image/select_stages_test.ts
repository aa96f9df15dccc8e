import assert from "node:assert/strict";
import { ExitCode, UserError } from "../errors.ts";
import { selectStages } from "./select_stages.ts";
import type { Stage, StageName } from "./stage.ts";

const stage = (name: StageName, ...needs: StageName[]): Stage => ({ name, title: name, needs, inputs: null });
const plan = [
  stage("base"),
  stage("trim", "base"),
  stage("drivers", "base"),
  stage("agents"),
  stage("pack", "base", "trim", "drivers", "agents"),
];
const names = (stages: readonly Stage[]): string[] => stages.map(({ name }) => name);

Deno.test("without options everything runs", () => {
  assert.deepEqual(selectStages(plan, { skip: [], only: [] }), plan);
});

Deno.test("a skipped stage is left out, also of what others need", () => {
  const stages = selectStages(plan, { skip: ["drivers"], only: [] });
  assert.deepEqual(names(stages), ["base", "trim", "agents", "pack"]);
  assert.deepEqual(stages.at(-1)?.needs, ["base", "trim", "agents"]);
});

Deno.test("only one stage runs with what it needs", () => {
  assert.deepEqual(names(selectStages(plan, { skip: [], only: ["drivers"] })), ["base", "drivers"]);
  assert.deepEqual(names(selectStages(plan, { skip: [], only: ["agents"] })), ["agents"]);
  assert.deepEqual(names(selectStages(plan, { skip: ["trim"], only: ["pack"] })), [
    "base",
    "drivers",
    "agents",
    "pack",
  ]);
});

Deno.test("names that are no stages, and stages no image can do without, are refused as wrong usage", () => {
  for (const selection of [{ skip: ["nope"], only: [] }, { skip: [], only: ["nope"] }, { skip: ["base"], only: [] }]) {
    assert.throws(
      () => selectStages(plan, selection),
      (error) => error instanceof UserError && error.exitCode === ExitCode.usage,
    );
  }
});

Deno.test("P8: an option in the place of a stage's name is not taken for one; a near miss is named", () => {
  const refuse = (only: readonly string[]): UserError => {
    try {
      selectStages(plan, { skip: [], only });
    } catch (error) {
      if (error instanceof UserError) return error;
    }
    throw new TypeError("It was not refused");
  };
  assert.match(refuse(["--dry-run"]).message, /need the name of a stage: found the option "--dry-run" in its place$/);
  assert.match(refuse(["agnets"]).hints[0] ?? "", /^"agents" perhaps$/);
});
