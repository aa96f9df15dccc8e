import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { createReadOnlySystem } from "./read_only.ts";

Deno.test("a read-only system looks, and refuses every change before it is done", async () => {
  const memory = createMemorySystem({
    files: { "/etc/x": "x" },
    commands: [() => "enabled\n"],
  });
  const system = createReadOnlySystem(memory);
  assert.equal(await system.readText("/etc/x"), "x");
  assert.equal((await system.stat("/etc"))?.kind, "directory");
  assert.equal((await system.run(["systemctl", "--root=/mnt", "is-enabled", "a.service"])).stdout, "enabled\n");
  const changes: readonly (() => unknown)[] = [
    () => system.writeFile("/etc/x", "y"),
    () => system.createFile("/etc/y", "y"),
    () => system.writeStream("/etc/x", new Blob(["y"]).stream()),
    () => system.openWrite("/etc/x"),
    () => system.makeDirectory("/etc/d"),
    () => system.makeTempDirectory({ parent: "/etc", prefix: "x" }),
    () => system.rename("/etc/x", "/etc/y"),
    () => system.remove("/etc/x"),
    () => system.removeOne("/etc/x"),
    () => system.chmod("/etc/x", 0),
    () => system.chown("/etc/x", { uid: 1, gid: 1 }),
    () => system.copyExactly("/etc/x", "/etc/y"),
    () => system.sync("/etc"),
    () => system.tryLock("/etc/x", "me"),
    () => system.tryLockDirectory("/etc"),
    () => system.spawn(["cat", "/etc/x"]),
    () => system.run(["cp", "/etc/x", "/etc/y"]),
    () => system.run(["systemctl", "--root=/mnt", "enable", "a.service"]),
    () => system.run(["chroot", "/mnt", "cat", "/etc/x"]),
  ];
  const before = JSON.stringify([...memory.files]);
  const ran = memory.ran.length;
  for (const change of changes) {
    await assert.rejects(
      async () => await change(),
      { name: "TypeError", message: /^A dry run may not / },
      `${change}`,
    );
  }
  assert.equal(JSON.stringify([...memory.files]), before);
  assert.equal(memory.ran.length, ran);
});
