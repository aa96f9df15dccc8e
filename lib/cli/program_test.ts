import assert from "node:assert/strict";
import { createScriptedUi } from "../../tests/support/host_rig.ts";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { ExitCode, UserError } from "../errors.ts";
import { runProgram } from "./program.ts";

const empty: Readonly<Record<string, readonly string[]>> = {
  "--root": ["undo-setup", "--yes", "--root", ""],
  "--partition": ["boot-entry", "--partition", "/mnt", "--partition="],
  "--out-dir": ["doctor", "--out-dir="],
  "--laptop": ["key", "forget", "--laptop", ""],
};

function run(args: readonly string[], system: MemorySystem): Promise<void> {
  return runProgram(args, {
    projectDir: "/project",
    workingDirectory: "/home/me",
    environment: {},
    signal: new AbortController().signal,
    createUi: () => createScriptedUi([]),
    createSystem: () => system,
  });
}

for (const [option, args] of Object.entries(empty)) {
  Deno.test(`an option without a value is not the running system, nor this folder: ${args.join(" ")}`, async () => {
    const system = createMemorySystem();
    await assert.rejects(run(args, system), (error) => {
      assert.ok(error instanceof UserError);
      assert.deepEqual([error.message, error.exitCode], [`"${option}" is empty`, ExitCode.usage]);
      return true;
    });
    assert.deepEqual(system.ran, []);
  });
}

Deno.test("an empty --laptop, which takes the default laptop off a stick, is none of these", async () => {
  const system = createMemorySystem({ commands: [() => ""] });
  await assert.rejects(run(["setup-client-usbdrive", "--dry-run", "--laptop", ""], system), (error) => {
    assert.doesNotMatch(String(error), /is empty/);
    return true;
  });
});
