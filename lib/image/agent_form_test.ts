import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../system/memory.ts";
import { type AgentFormChoice, chooseAgentForm } from "./agent_form.ts";

const deno = { path: "/usr/bin/deno", environment: {} };

async function choose(system: MemorySystem, wanted: "auto" | "compile" | "bundle"): Promise<AgentFormChoice> {
  return await chooseAgentForm(system, { wanted, deno, workDirectory: "/cache" });
}

Deno.test("a form that is asked for is taken, without trying", async () => {
  const system = createMemorySystem();
  assert.deepEqual(await choose(system, "compile"), { form: "compile" });
  assert.deepEqual(await choose(system, "bundle"), { form: "bundle" });
  assert.deepEqual(system.ran, []);
});

Deno.test("auto compiles where that works, and leaves nothing of the trial", async () => {
  const system = createMemorySystem({ commands: [(argv) => argv[1] === "compile" ? 0 : undefined] });
  assert.deepEqual(await choose(system, "auto"), { form: "compile" });
  assert.deepEqual(await system.readDirectory("/cache"), []);
});

Deno.test("auto bundles where compiling does not work, and says why", async () => {
  const system = createMemorySystem();
  const choice = await choose(system, "auto");
  assert.equal(choice.form, "bundle");
  assert.ok("reason" in choice && choice.reason !== "");
  assert.deepEqual(await system.readDirectory("/cache"), []);
});
