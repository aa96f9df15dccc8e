import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { demandOwnFiles } from "./check_before_build.ts";

Deno.test("P8: a file of root's in a cache is found before the build", async () => {
  const system = createMemorySystem({
    files: { "/home/anna/cache/x": "" },
    commands: [([program]) => program === "id" ? "1000\n" : undefined],
  });
  const cache = { what: "The cache folder", path: "/home/anna/cache", attempt: "written" } as const;
  await assert.rejects(demandOwnFiles(system, cache), /"x" in it belongs to root/);
  await system.chown("/home/anna/cache/x", { uid: 1000, gid: 1000 });
  await demandOwnFiles(system, cache);
});
