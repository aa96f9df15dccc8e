import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { hashText } from "../hash.ts";
import { findUnusableImage } from "./unusable_image.ts";

const kernel = { sizeBytes: 1, sha256: hashText("k") };
const initrd = { sizeBytes: 2, sha256: hashText("in"), holdsSecret: true };
const built = { kernel, initrd, isDebug: false, parts: [] };
const look = (
  manifest: unknown,
  { processor = "x86_64", files = { kernel: "k", initrd: "in" } }: {
    readonly processor?: string;
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): ReturnType<typeof findUnusableImage> => {
  const all = { ...files, "manifest.json": JSON.stringify(manifest) };
  const placed = Object.fromEntries(Object.entries(all).map(([name, text]) => [`/build/${name}`, text]));
  return findUnusableImage({ ...createMemorySystem({ files: placed }), processor }, "/build");
};

Deno.test("an image for another processor is named, with the line of the configuration that mends it", async () => {
  assert.equal(await look({ ...built, architecture: "amd64" }), undefined);
  assert.equal(await look(built), undefined, "of an earlier version");
  assert.equal(await look({ ...built, architecture: "arm64" }, { processor: "aarch64" }), undefined);
  assert.equal(await look({}), undefined, "not of ours");
  const arm = await look({ ...built, architecture: "arm64" });
  assert.match(arm?.found ?? "", /^for arm64, and this machine's processor is amd64$/);
  assert.match(arm?.cure ?? "", /"image: \{architecture: amd64\}" in config\.yaml, and run .*create-initrd/);
  assert.match((await look(built, { processor: "aarch64" }))?.cure ?? "", /architecture: arm64/);
  const strange = await look(built, { processor: "riscv64" });
  assert.match(strange?.found ?? "", /processor is riscv64$/);
  assert.match(strange?.cure ?? "", /amd64 or arm64/);
});

Deno.test("an image without the key, or with the kernel of another build, is named before it is installed", async () => {
  assert.equal(
    (await look({ ...built, initrd: { ...initrd, holdsSecret: false } }))?.found,
    "made without the shared key",
  );
  const mixtures: readonly Readonly<Record<string, string>>[] = [
    { kernel: "l", initrd: "in" },
    { kernel: "kk", initrd: "in" },
    { kernel: "k", initrd: "ix" },
  ];
  for (const files of mixtures) {
    assert.match((await look(built, { files }))?.found ?? "", /^of several builds: /, JSON.stringify(files));
  }
  assert.equal(await look(built, { files: { kernel: "k" } }), undefined, "there is no initrd");
});
