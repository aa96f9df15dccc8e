import assert from "node:assert/strict";
import { createRealSystem } from "./real.ts";
import { readKernelFiles } from "./kernel_files.ts";

Deno.test("files are read by one program, those that are there, each as it is", async () => {
  const directory = await Deno.makeTempDir();
  const paths = ["a", "ab", "empty", "missing", "odd"].map((name) => `${directory}/${name}`);
  const [a = "", ab = "", empty = "", , odd = ""] = paths;
  try {
    await Deno.writeTextFile(a, "1\n\nb:2\n");
    await Deno.writeTextFile(ab, "3");
    await Deno.writeTextFile(empty, "");
    await Deno.writeFile(odd, new Uint8Array([0x31, 0x00, 0xff, 0x0a]));
    const files = await readKernelFiles(createRealSystem(), paths);
    assert.deepEqual([files.get(ab), files.has(empty), files.has(`${directory}/missing`)], ["3", false, false]);
    assert.match(files.get(a) ?? "", /^1\n\nb:2/);
    assert.match(files.get(odd) ?? "", /^1/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
