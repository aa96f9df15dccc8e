import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findAutokexecArtifact } from "./autokexec_artifact.ts";

const find = (names: readonly string[]): ReturnType<typeof findAutokexecArtifact> =>
  findAutokexecArtifact(
    createMemorySystem({ files: Object.fromEntries(names.map((name) => [`/build/${name}`, ""])) }),
    "/build",
  );

Deno.test("a compiled agent is one file that runs by itself", async () => {
  assert.deepEqual(await find(["autokexec-agent", "kernel"]), {
    files: [{ source: "/build/autokexec-agent", path: "/usr/lib/stiefelsystem/autokexec-agent", mode: 0o755 }],
    command: ["/usr/lib/stiefelsystem/autokexec-agent"],
  });
});

Deno.test("a bundled agent comes with the Deno that runs it under its grants", async () => {
  const artifact = await find(["autokexec-agent.js", "deno"]);
  assert.deepEqual(artifact?.files.map(({ path, mode }) => [path, mode]), [
    ["/usr/lib/stiefelsystem/deno", 0o755],
    ["/usr/lib/stiefelsystem/autokexec-agent.js", 0o644],
  ]);
  const { command } = artifact;
  assert.deepEqual([command[0], command[1], command.at(-1)], [
    "/usr/lib/stiefelsystem/deno",
    "run",
    "/usr/lib/stiefelsystem/autokexec-agent.js",
  ]);
  for (const flag of ["--no-prompt", "--no-remote", "--no-npm", "--no-config"]) assert.ok(command.includes(flag), flag);
  assert.ok(
    command.some((word) => word.startsWith("--allow-run=")) && !command.some((word) => /^-A|--allow-all/.test(word)),
  );
});

Deno.test("what is not there, or only half, is no agent", async () => {
  for (const names of [["kernel"], ["deno"], ["autokexec-agent.js"]]) assert.equal(await find(names), undefined);
});
