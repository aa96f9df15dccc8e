import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { publishArtifacts } from "./publish_artifacts.ts";
import type { CachedStage } from "./stage_cache.ts";
import type { StageName } from "./stage.ts";

const stage = (directory: string): CachedStage => ({ directory, record: { fingerprint: "f".repeat(64), summary: "" } });

async function publish(system: MemorySystem, results: Partial<Record<StageName, CachedStage>>): Promise<string[]> {
  const entries = new Map(Object.entries(results) as [StageName, CachedStage][]);
  await publishArtifacts(system, entries, { outDirectory: "/build", form: "packed", runtime: "/usr/bin/deno" });
  return [...system.files.keys()].filter((path) => path.startsWith("/build/")).sort();
}

Deno.test("the autokexec agent lies beside the image in the form of this build alone", async () => {
  const system = createMemorySystem({
    files: {
      "/usr/bin/deno": "deno",
      "/bundled/autokexec-agent.js": "script",
      "/compiled/autokexec-agent": "program",
      "/pack/kernel": "k",
      "/pack/initrd": "i",
      "/pack/manifest.json": "{}",
    },
  });
  assert.deepEqual(await publish(system, { autokexec: stage("/bundled") }), [
    "/build/autokexec-agent.js",
    "/build/deno",
  ]);
  assert.equal(system.files.get("/build/deno")?.mode, 0o755);
  assert.deepEqual(await publish(system, { autokexec: stage("/compiled"), pack: stage("/pack") }), [
    "/build/autokexec-agent",
    "/build/initrd",
    "/build/kernel",
    "/build/manifest.json",
  ]);
  assert.equal(system.files.get("/build/autokexec-agent")?.mode, 0o755);
});

Deno.test("a build of neither image nor agent leaves the results as they are", async () => {
  const system = createMemorySystem({ files: { "/build/kernel": "old" } });
  assert.deepEqual(await publish(system, { trim: stage("/trim") }), ["/build/kernel"]);
});
