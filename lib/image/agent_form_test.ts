import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { type AgentFormChoice, chooseAgentForm } from "./agent_form.ts";

const deno = { path: "/usr/bin/deno", version: "2.9.6", target: "x86_64-unknown-linux-gnu", environment: {} };

async function choose(system: MemorySystem, wanted: "auto" | "compile" | "bundle"): Promise<AgentFormChoice> {
  return await chooseAgentForm(system, {
    wanted,
    architecture: "amd64",
    deno,
    cacheDirectory: "/cache",
    retry: false,
    mayTry: true,
  });
}

Deno.test("without leave to try nothing is changed, and what is known is used", async () => {
  const request = {
    wanted: "auto",
    architecture: "amd64",
    deno,
    cacheDirectory: "/cache",
    retry: false,
    mayTry: false,
  } as const;
  const system = createMemorySystem({ commands: [() => 1] });
  assert.deepEqual(await chooseAgentForm(system, request), { form: "compile", isAssumed: true });
  assert.deepEqual([system.ran.length, system.files.size, system.directories.size], [0, 0, 1]);
  const known = await choose(system, "auto");
  assert.deepEqual(await chooseAgentForm(system, request), known);
});

/** A Deno 2.9.6 that compiles with the denort of a version. */
function denoWithDenort(version: string): MemorySystem {
  return createMemorySystem({
    commands: [(argv) => {
      if (argv[1] === "compile") return 0;
      return argv[0] !== "timeout" ? undefined : version === "" ? 1 : `${version}\n`;
    }],
  });
}

Deno.test("a form that is asked for is taken; compiling has to work then", async () => {
  const system = denoWithDenort("2.9.6");
  assert.deepEqual(await choose(system, "bundle"), { form: "bundle" });
  assert.deepEqual(system.ran, []);
  assert.deepEqual(await choose(system, "compile"), { form: "compile" });
  await assert.rejects(choose(createMemorySystem({ commands: [() => 1] }), "compile"), UserError);
});

Deno.test("who wants it compiled for another processor reads what would help there", async () => {
  for (
    const [architecture, help] of [["amd64", /its own version \(DENORT_BIN\)$/], [
      "arm64",
      /denort for arm64 \(DEN/,
    ]] as const
  ) {
    const request = {
      wanted: "compile",
      architecture,
      deno,
      cacheDirectory: "/cache",
      retry: false,
      mayTry: true,
    } as const;
    await assert.rejects(
      chooseAgentForm(createMemorySystem({ commands: [() => 1] }), request),
      (error) => error instanceof UserError && help.test(error.hints[0] ?? ""),
    );
  }
});

Deno.test("auto compiles where that works, and leaves nothing of the trial", async () => {
  const system = denoWithDenort("2.9.6");
  assert.deepEqual(await choose(system, "auto"), { form: "compile" });
  assert.deepEqual(await system.readDirectory("/cache"), ["agent-form.json"]);
});

Deno.test("what the denort of another Deno makes is not taken, whether it starts or not", async () => {
  const start = "the denort that Deno has downloaded is not of this Deno's version, 2.9.6";
  assert.deepEqual(await choose(denoWithDenort(""), "auto"), { form: "bundle", reason: start });
  const other = denoWithDenort("2.5.7");
  assert.deepEqual(await choose(other, "auto"), { form: "bundle", reason: `${start}, but of 2.5.7` });
  // Remembered for "auto" only: a user who asks for compiling may have repaired it.
  const before = other.ran.length;
  await assert.rejects(choose(other, "compile"), /cannot be compiled: the denort .* but of 2\.5\.7/);
  assert.ok(other.ran.length > before);
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
    const system = createMemorySystem({ files: { "/cache/agent-form.json": text }, commands: [() => 1] });
    assert.equal((await choose(system, "auto")).form, "bundle");
    assert.equal(system.ran.length, 1);
  }
});
