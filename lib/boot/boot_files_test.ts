import assert from "node:assert/strict";
import { createRealSystem } from "../system/real.ts";
import { type MountedFiles, readMountedFiles } from "./boot_files.ts";
import { maximumTextBytes } from "./menu/entry.ts";

async function withPartition(body: (files: MountedFiles, root: string) => Promise<void>): Promise<void> {
  const outside = await Deno.makeTempDir({ prefix: "stiefel-boot-files-" });
  const root = `${outside}/root`;
  try {
    await Deno.mkdir(`${root}/boot/grub`, { recursive: true });
    await Deno.writeTextFile(`${root}/boot/vmlinuz-1`, "kernel");
    await Deno.writeTextFile(`${outside}/secret`, "secret");
    const links = {
      "vmlinuz": "boot/vmlinuz-1",
      "absolute": "/boot/vmlinuz-1",
      "up": "../../../secret",
      "out": `${outside}/secret`,
      "loop": "loop",
      "dir": "/boot",
      "boot/back": "../vmlinuz",
    };
    const system = createRealSystem();
    for (const [name, target] of Object.entries(links)) await system.run(["ln", "-s", target, `${root}/${name}`]);
    await body(readMountedFiles(system, root), root);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
}

Deno.test("symlinks are followed as the partition's own system would", async () => {
  await withPartition(async (files) => {
    for (
      const path of ["/boot/vmlinuz-1", "/vmlinuz", "/absolute", "/dir/vmlinuz-1", "/boot/back", "/boot/../vmlinuz"]
    ) {
      assert.equal(await files.readText(path), "kernel", path);
    }
    assert.equal(await files.sizeBytes("/vmlinuz"), 6);
    assert.equal(await new Response(await files.openRead("/dir/back")).text(), "kernel");
    assert.deepEqual(await files.list("/dir"), ["back", "grub", "vmlinuz-1"]);
  });
});

Deno.test("no symlink leads out of the partition", async () => {
  await withPartition(async (files) => {
    for (const path of ["/up", "/out", "/../secret", "/loop"]) {
      assert.equal(await files.exists(path), false, path);
      await assert.rejects(files.readText(path), /is no|There is no/);
    }
  });
});

Deno.test("a path that is missing or no file is reported as such", async () => {
  await withPartition(async (files) => {
    assert.equal(await files.exists("/nothing"), false);
    assert.equal(await files.exists("/vmlinuz/below"), false);
    assert.equal(await files.exists("/"), true);
    assert.deepEqual(await files.list("/nothing"), []);
    assert.deepEqual(await files.list("/vmlinuz"), []);
    await assert.rejects(files.readText("/boot"), /"\/boot" on the boot partition is not a file/);
  });
});

Deno.test("a configuration file above the size limit is not read", async () => {
  await withPartition(async (files, root) => {
    await Deno.writeFile(`${root}/big`, new Uint8Array());
    await Deno.truncate(`${root}/big`, maximumTextBytes + 1);
    await assert.rejects(files.readText("/big"), /wanted at most/);
  });
});
