import assert from "node:assert/strict";
import { parseCpio } from "../formats/cpio.ts";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { addStreamSource, buildStreamSource, comparisonPorts, streamSourceParameter } from "./stream_source.ts";

Deno.test("what is appended starts what it is compared with before the image's own init, on the ports the demo disk asks", async () => {
  const files = new Map(
    parseCpio(buildStreamSource()).flatMap((entry) =>
      entry.kind === "file" ? [[entry.path, new TextDecoder().decode(entry.content)]] : []
    ),
  );
  assert.equal(streamSourceParameter, "rdinit=/bench/init");
  assert.match(files.get("bench/init") ?? "", /^#!\/bin\/sh\n.*\n\/bench\/compare &\nexec \/init\n$/);
  const called = [...files.values()].flatMap((text) =>
    [...text.matchAll(/\/(bench\/\w+)/g)].map(([, path = ""]) => path)
  );
  for (const path of called) assert.ok(files.has(path), path);
  const path = new URL("../../image/demo/usr/lib/stiefel-demo/block_bench", import.meta.url);
  const asking = await Deno.readTextFile(path);
  const all = [...files.values()].join("");
  for (const [name, port] of Object.entries(comparisonPorts)) {
    assert.match(asking, new RegExp(`^${name}_port=${port}$`, "m"));
    assert.match(all, new RegExp(`-p ${port} |--port=${port} `), name);
  }
});

Deno.test("the image's initrd stays as it is; the longer one is for its owner alone and starts at a multiple of four", async () => {
  const system = createMemorySystem({ files: { "/build/initrd": new Uint8Array([1, 2, 3, 4, 5]) } });
  const image = await addStreamSource(
    system,
    { kernelPath: "/build/kernel", initrdPath: "/build/initrd" },
    "/run/initrd",
  );
  assert.deepEqual(image, { kernelPath: "/build/kernel", initrdPath: "/run/initrd" });
  assert.equal((await system.readFile("/build/initrd")).length, 5);
  assert.equal((await system.stat("/run/initrd"))?.mode, 0o600);
  assert.deepEqual(
    (await system.readFile("/run/initrd")).subarray(0, 18),
    new Uint8Array([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode("070701")]),
  );
});
