import assert from "node:assert/strict";
import { createMemorySystem } from "../../../tests/support/memory_system.ts";
import { createScriptedUi } from "../../../tests/support/host_rig.ts";
import { bench } from "./bench.ts";

Deno.test("bench build refuses an image for arm64 at once, and the figures of an earlier run stay", async () => {
  const resultPath = "/project/bench.json";
  const system = createMemorySystem({
    files: { [resultPath]: "earlier", "/arm64.yaml": "image: {architecture: arm64}\n" },
    commands: [([program]) => program === "cp" ? 0 : undefined],
  });
  const deno = { path: "/usr/bin/deno", version: "2.9.6", target: "x86_64-unknown-linux-gnu", environment: {} };
  const run = bench(system, createScriptedUi([]), {
    image: { configPath: "/arm64.yaml", deno },
    ...{ projectDirectory: "/project", runDirectory: "/run", cacheDir: "/cache", resultPath },
    ...{ parts: ["build"], rounds: 1 },
  });
  await assert.rejects(run, /image of this configuration is for arm64/);
  assert.equal(await system.readText(resultPath), "earlier");
});
