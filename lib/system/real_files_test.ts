import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { createRealSystem } from "./real.ts";
import type { System } from "./system.ts";

/** The same behaviour is wanted of the real machine and of the one in memory. */
async function onBoth(check: (system: System, directory: string) => Promise<void>): Promise<void> {
  await check(createMemorySystem({ files: { "/tmp/x": "" } }), "/tmp/files");
  const directory = await Deno.makeTempDir();
  try {
    await check(createRealSystem(), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an exact copy has the mode and the time of the original, and does not replace a directory", async () => {
  await onBoth(async (system, directory) => {
    await system.writeFile(`${directory}/one`, "content", { mode: 0o640 });
    await system.copyExactly(`${directory}/one`, `${directory}/two`);
    const [one, two] = [await system.lstat(`${directory}/one`), await system.lstat(`${directory}/two`)];
    // Two files, so two inodes.
    assert.deepEqual({ ...two, inode: 0 }, { ...one, inode: 0 });
    assert.equal(await system.readText(`${directory}/two`), "content");
    await system.makeDirectory(`${directory}/three`);
    await assert.rejects(system.copyExactly(`${directory}/one`, `${directory}/three`));
  });
});

Deno.test("what is below a file, or at the end of a circle of links, is nothing", async () => {
  await onBoth(async (system, directory) => {
    await system.writeFile(`${directory}/file`, "");
    assert.equal(await system.lstat(`${directory}/file/below`), undefined);
    assert.equal(await system.stat(`${directory}/file/below`), undefined);
  });
  const directory = await Deno.makeTempDir();
  try {
    await Deno.symlink("circle", `${directory}/circle`);
    const links = { [`${directory}/circle`]: "circle" };
    for (const system of [createRealSystem(), createMemorySystem({ symlinks: links })]) {
      assert.equal((await system.lstat(`${directory}/circle`))?.kind, "symlink");
      assert.equal(await system.stat(`${directory}/circle`), undefined);
      assert.equal(await system.lstat(`${directory}/circle/below`), undefined);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("removeOne takes a file or an empty directory, and nothing that holds something", async () => {
  await onBoth(async (system, directory) => {
    await system.writeFile(`${directory}/one`, "");
    await system.makeDirectory(`${directory}/full/inner`);
    await assert.rejects(system.removeOne(`${directory}/full`));
    await system.removeOne(`${directory}/full/inner`);
    await system.removeOne(`${directory}/full`);
    await system.removeOne(`${directory}/one`);
    await assert.rejects(system.removeOne(`${directory}/one`), Deno.errors.NotFound);
    assert.deepEqual(await system.readDirectory(directory), []);
  });
});

Deno.test("files and directories can be synced", async () => {
  await onBoth(async (system, directory) => {
    await system.writeFile(`${directory}/one`, "");
    await system.sync(`${directory}/one`);
    await system.sync(directory);
  });
});

Deno.test("a file is created once, whole and with its mode, and nothing of the name is replaced", async () => {
  await onBoth(async (system, directory) => {
    assert.equal(await system.createFile(`${directory}/one`, "first", { mode: 0o600 }), true);
    assert.equal(await system.createFile(`${directory}/one`, "second"), false);
    await system.makeDirectory(`${directory}/two`);
    assert.equal(await system.createFile(`${directory}/two`, "x"), false);
    assert.equal(await system.readText(`${directory}/one`), "first");
    assert.equal((await system.stat(`${directory}/one`))?.mode, 0o600);
    assert.deepEqual(await system.readDirectory(directory), ["one", "two"]);
  });
});
