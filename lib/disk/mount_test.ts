import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { mountArguments, mountReadOnly } from "./mount.ts";

Deno.test("no journal is replayed, whatever the file system", () => {
  const options = (fileSystem: string, more: readonly string[] = []): string | undefined =>
    mountArguments({ device: "/dev/vda1", fileSystem, directory: "/m", options: more })[4];
  assert.equal(options("ext4"), "ro,nosuid,nodev,noexec,noload");
  assert.equal(options("ext3"), "ro,nosuid,nodev,noexec,noload");
  assert.equal(options("ext2"), "ro,nosuid,nodev,noexec");
  assert.equal(options("xfs"), "ro,nosuid,nodev,noexec,norecovery");
  assert.equal(options("btrfs", ["subvolid=5"]), "ro,nosuid,nodev,noexec,rescue=nologreplay,subvolid=5");
  assert.equal(options("vfat"), "ro,nosuid,nodev,noexec");
});

Deno.test("a file system that might write its journal is refused", () => {
  assert.throws(() => mountArguments({ device: "/dev/vda1", fileSystem: "jfs", directory: "/m" }), {
    code: "unsupported",
    message: 'Cannot read "/dev/vda1": "jfs" is not a file system for boot files',
  });
});

Deno.test("what was mounted is unmounted", async () => {
  const system = createMemorySystem({ commands: [() => 0] });
  {
    await using _mounted = await mountReadOnly(system, { device: "/dev/vda1", fileSystem: "vfat", directory: "/m" });
  }
  assert.deepEqual(system.ran.at(-1), ["umount", "/m"]);
});
