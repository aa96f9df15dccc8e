import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { UserError } from "../errors.ts";
import type { HostPath } from "./host_path.ts";
import { openHostTree } from "./tree.ts";

const nothing: Readonly<Record<string, HostPath>> = {
  "a circle of links": "/etc/circle",
  "what is below a circle of links": "/etc/circle/below",
  "a link that leads nowhere": "/etc/dangling",
  "what is below a file": "/etc/file/below",
};
for (const [what, path] of Object.entries(nothing)) {
  Deno.test(`${what} is nothing to those who read a tree`, async () => {
    const system = createMemorySystem({
      files: { "/mnt/etc/file": "text" },
      symlinks: { "/mnt/etc/circle": "circle", "/mnt/etc/dangling": "/not/there" },
    });
    const tree = await openHostTree(system, "/mnt");
    assert.equal(await tree.exists(path), false);
    assert.equal(await tree.readText(path), undefined);
    assert.equal(await tree.statusFollowed(path), undefined);
    assert.deepEqual(await tree.list(path), []);
  });
}

Deno.test("a file that is larger than any settings are is named, not read", async () => {
  const memory = createMemorySystem({ files: { "/mnt/etc/big": "" } });
  const system: typeof memory = {
    ...memory,
    lstat: async (path) => {
      const status = await memory.lstat(path);
      return status?.kind === "file" ? { ...status, sizeBytes: 3e9 } : status;
    },
  };
  const tree = await openHostTree(system, "/mnt");
  await assert.rejects(tree.readText("/etc/big"), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /^"\/mnt\/etc\/big" has 3000000000 bytes, wanted at most/);
    return true;
  });
});
