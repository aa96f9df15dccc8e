import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import type { DenoProgram } from "../deno_version.ts";
import { chooseAgentForm } from "./agent_form.ts";
import { fetchForeignDeno, foreignTarget } from "./foreign_deno.ts";

const deno: DenoProgram = {
  path: "/usr/bin/deno",
  version: "2.9.6",
  target: "x86_64-unknown-linux-gnu",
  environment: {},
};
const place = "/d/npm/registry.example/@deno/linux-arm64-glibc/2.9.6/deno";

/** The start of a program for a processor (elf(5)). */
function elf(machine: number): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  new DataView(bytes.buffer).setUint16(18, machine, true);
  return bytes;
}

/** A Deno that has what it is asked for in its cache then. */
function denoThatFetches(program: Uint8Array): MemorySystem {
  const system: MemorySystem = createMemorySystem({
    commands: [async (argv) => {
      if (argv[1] === "cache") await system.writeFile(place, program);
      if (argv[1] === "info") return '{"version":1,"npmCache":"/d/npm"}';
      return argv[0] === "find" ? `${place}\n` : "";
    }],
  });
  return system;
}

Deno.test("only another processor than this machine's is foreign", () => {
  assert.equal(foreignTarget(deno, "amd64"), undefined);
  assert.equal(foreignTarget(deno, "arm64"), "aarch64-unknown-linux-gnu");
  assert.equal(foreignTarget({ target: "aarch64-unknown-linux-gnu" }, "amd64"), "x86_64-unknown-linux-gnu");
});

Deno.test("the Deno for another processor has the version of the one that runs", async () => {
  const system = denoThatFetches(elf(183));
  assert.equal(await fetchForeignDeno(system, { deno, architecture: "arm64", cwd: "/c" }), place);
  assert.equal(system.ran[0]?.at(-1), "npm:@deno/linux-arm64-glibc@2.9.6");
  assert.deepEqual(system.ran[2], ["find", "/d/npm", "-path", "*/@deno/linux-arm64-glibc/2.9.6/deno", "-type", "f"]);
});

Deno.test("a program for the wrong processor is never taken", async () => {
  const fetched = fetchForeignDeno(denoThatFetches(elf(62)), { deno, architecture: "arm64", cwd: "/c" });
  await assert.rejects(fetched, /is no program for arm64/);
});

Deno.test("a program compiled for another processor is looked at, not started", async () => {
  const choose = (system: MemorySystem): ReturnType<typeof chooseAgentForm> =>
    chooseAgentForm(system, {
      wanted: "auto",
      architecture: "arm64",
      deno,
      cacheDirectory: "/cache",
      retry: false,
      mayTry: true,
    });
  const compiling = (program: Uint8Array): MemorySystem => {
    const system: MemorySystem = createMemorySystem({
      commands: [async (argv) => {
        await system.writeFile(argv[argv.indexOf("--output") + 1] ?? "", program);
        return "";
      }],
    });
    return system;
  };
  const system = compiling(elf(183));
  assert.deepEqual(await choose(system), { form: "compile" });
  assert.equal(system.ran.length, 1);
  assert.match(system.ran[0]?.join(" ") ?? "", /--target aarch64-unknown-linux-gnu/);
  assert.deepEqual(await choose(compiling(elf(62))), { form: "bundle", reason: "what it makes is not for arm64" });
});
