import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../system/memory.ts";
import { type AgentFormChoice, chooseAgentForm } from "./agent_form.ts";

const deno = { path: "/usr/bin/deno", environment: {} };

async function choose(system: MemorySystem, wanted: "auto" | "compile" | "bundle"): Promise<AgentFormChoice> {
  return await chooseAgentForm(system, { wanted, deno, cacheDirectory: "/cache", retry: false, mayTry: true });
}

Deno.test("without leave to try nothing is changed, and what is known is used", async () => {
  const request = { wanted: "auto", deno, cacheDirectory: "/cache", retry: false, mayTry: false } as const;
  const system = createMemorySystem({ commands: [() => 1] });
  assert.deepEqual(await chooseAgentForm(system, request), { form: "compile", isAssumed: true });
  assert.deepEqual([system.ran.length, system.files.size, system.directories.size], [0, 0, 1]);
  const known = await choose(system, "auto");
  assert.deepEqual(await chooseAgentForm(system, request), known);
});

Deno.test("a form that is asked for is taken, without trying", async () => {
  const system = createMemorySystem();
  assert.deepEqual(await choose(system, "compile"), { form: "compile" });
  assert.deepEqual(await choose(system, "bundle"), { form: "bundle" });
  assert.deepEqual(system.ran, []);
});

Deno.test("auto compiles where that works, and leaves nothing of the trial", async () => {
  const system = createMemorySystem({ commands: [(argv) => argv[1] === "compile" ? 0 : undefined] });
  assert.deepEqual(await choose(system, "auto"), { form: "compile" });
  assert.deepEqual(await system.readDirectory("/cache"), ["agent-form.json"]);
});

Deno.test("auto bundles where compiling does not work, and says why", async () => {
  const system = createMemorySystem();
  const choice = await choose(system, "auto");
  assert.equal(choice.form, "bundle");
  assert.ok("reason" in choice && choice.reason !== "");
  assert.deepEqual(await system.readDirectory("/cache"), ["agent-form.json"]);
});

Deno.test("what came of trying is remembered, for an hour", async () => {
  const system = createMemorySystem({ commands: [() => 1] });
  const first = await choose(system, "auto");
  assert.deepEqual(await choose(system, "auto"), first);
  assert.equal(system.ran.length, 1);
  system.advance(3_600_001);
  await choose(system, "auto");
  assert.equal(system.ran.length, 2);
});

Deno.test("a damaged note of the last trial is tried again", async () => {
  for (const text of ["", "{", "[]", '{"deno":1}']) {
    const system = createMemorySystem({ files: { "/cache/agent-form.json": text }, commands: [() => 0] });
    assert.deepEqual(await choose(system, "auto"), { form: "compile" });
    assert.equal(system.ran.length, 1);
  }
});
