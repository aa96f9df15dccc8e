import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { findOtherImage } from "./other_image.ts";

const file = { sizeBytes: 1, sha256: "" };
const built = { kernel: file, initrd: { ...file, holdsSecret: true }, isDebug: false, parts: [] };
const look = (manifest: unknown, processor = "x86_64"): ReturnType<typeof findOtherImage> =>
  findOtherImage(
    { ...createMemorySystem({ files: { "/build/manifest.json": JSON.stringify(manifest) } }), processor },
    "/build",
  );

Deno.test("an image for another processor is named, with the line of the configuration that mends it", async () => {
  assert.equal(await look({ ...built, architecture: "amd64" }), undefined);
  assert.equal(await look(built), undefined, "of an earlier version");
  assert.equal(await look({ ...built, architecture: "arm64" }, "aarch64"), undefined);
  assert.equal(await look({}), undefined, "not of ours");
  const arm = await look({ ...built, architecture: "arm64" });
  assert.match(arm?.found ?? "", /^for arm64, and this machine's processor is amd64$/);
  assert.match(arm?.cure ?? "", /"image: \{architecture: amd64\}" in config\.yaml, and run .*create-initrd/);
  assert.match((await look(built, "aarch64"))?.cure ?? "", /architecture: arm64/);
  const strange = await look(built, "riscv64");
  assert.match(strange?.found ?? "", /processor is riscv64$/);
  assert.match(strange?.cure ?? "", /amd64 or arm64/);
});
