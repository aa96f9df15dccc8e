import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import type { System } from "../system/system.ts";
import { listSubvolumes } from "./btrfs_subvolumes.ts";

/** A tree in which these directories are subvolumes. */
async function makeTree(subvolumes: readonly string[], files: readonly string[]): Promise<System> {
  const system = createMemorySystem();
  for (const path of subvolumes) await system.makeDirectory(`/top${path}`);
  for (const path of files) await system.writeFile(`/top${path}`, "");
  return {
    ...system,
    lstat: async (path) => {
      const status = await system.lstat(path);
      return status && { ...status, inode: subvolumes.includes(path.slice("/top".length)) ? 256 : 1000 };
    },
  };
}

Deno.test("B6: subvolumes are known by what btrfs says of them, whatever they are called", async () => {
  const subvolumes = ["/@", "/@boot", "/arch", "/systems/debian/root", "/@/var/lib/machines"];
  const system = await makeTree(subvolumes, ["/@/etc/fstab", "/@x/file", "/plain/a/b/c/d", "/file"]);
  assert.deepEqual(await listSubvolumes(system, "/top"), ["/@", "/@boot", "/arch", "/systems/debian/root"]);
});

Deno.test("B6: directories of snapshots are not looked through", async () => {
  const snapshots = Array.from({ length: 300 }, (_, number) => `/.snapshots/${number}/snapshot`);
  const system = await makeTree(["/@", "/.snapshots", ...snapshots, "/timeshift-btrfs/snapshots/2026-01-01/@"], []);
  assert.deepEqual(await listSubvolumes(system, "/top"), ["/@"]);
});

Deno.test("B6: a tree without end has one", async () => {
  const files = Array.from({ length: 5000 }, (_, number) => `/plain/${number}`);
  const system = await makeTree(["/@", "/z"], files);
  assert.deepEqual(await listSubvolumes(system, "/top"), ["/@", "/z"]);
});
