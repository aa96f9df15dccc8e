import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { sweepCache } from "./sweep_cache.ts";

Deno.test("P17: what a killed build has left goes, with its mounts, however young it is; the rest stays", async () => {
  let mountinfo = "46 27 0:41 / /c/unfinished-base-1/tree/dev/pts rw - devpts none rw\n";
  const kept = ["/c/lock", "/c/agent-form.json", `/c/base-${"0".repeat(32)}/stage.json`, "/c/demo-disk-1e5a/disk.img"];
  const system = createMemorySystem({
    files: Object.fromEntries(
      [...kept, "/c/unfinished-base-1/tree/x", "/c/demo-disk-work-a1B2/x"].map((path) => [path, ""]),
    ),
    commands: [([program]) => {
      if (program === "id") return "0\n";
      if (program === "cat") return mountinfo;
      if (program === "umount") mountinfo = "";
      return program === "umount" ? "" : undefined;
    }],
  });
  await sweepCache(system, "/c");
  assert.deepEqual([...system.files.keys()].toSorted(), kept.toSorted());
  assert.deepEqual(
    system.ran.filter(([program]) => program === "umount"),
    [["umount", "--lazy", "/c/unfinished-base-1/tree/dev/pts"]],
  );
});

Deno.test("P17: nothing is removed from below a mount that stays", async () => {
  const system = createMemorySystem({
    files: { "/c/unfinished-base-1/tree/x": "" },
    commands: [
      ([program]) =>
        program === "id" ? "0\n" : program === "cat" ? "4 2 0:4 / /c/unfinished-base-1/tree/dev rw - x" : 32,
    ],
  });
  await assert.rejects(sweepCache(system, "/c"), /found 1 mounted file systems in it/);
  assert.equal(system.files.size, 1);
});
