/** The image, looked at with programs of others: mtools and fsck.vfat. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { makeSampleStick, sampleBuilt, sampleRecord } from "../../tests/support/sample_stick.ts";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { formatManifest } from "../image/manifest.ts";
import { hashText } from "../hash.ts";
import { archivePaddingBytes } from "../formats/cpio.ts";
import { concatenate } from "../formats/bytes.ts";
import { createRealSystem } from "../system/real.ts";
import type { System } from "../system/system.ts";
import { readBuiltStick } from "./stick_parts.ts";
import { composeFiles, makeStickImage } from "./stick_image.ts";

async function inDirectory(work: (system: System, directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "stiefel-stick-" });
  try {
    await work(createRealSystem({ home: "/" }), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const sectorBytes of [512, 4096] as const) {
  Deno.test(`fsck.vfat finds nothing wrong with sectors of ${sectorBytes} bytes, and mtools every file`, async () => {
    await inDirectory(async (system, directory) => {
      const { disk, files, layout: { efi } } = makeSampleStick(sampleBuilt(), { sectorBytes });
      const path = `${directory}/efi.img`;
      const parts = [...disk.blocks].map(([block, bytes]) => ({ offset: block * 4096 - efi.offsetBytes, bytes }))
        .filter(({ offset }) => offset >= 0 && offset < efi.sizeBytes);
      await system.writeSparse(path, { sizeBytes: efi.sizeBytes, parts });
      const { stdout } = await system.run(["fsck.vfat", "-n", "-v", path]);
      assert.match(stdout, new RegExp(`${sectorBytes} bytes per logical sector`));
      assert.match(stdout, /FAT.*32 bit entries/);
      assert.doesNotMatch(stdout, /FATs differ|Reclaim|corrupt|invalid|bad/i);
      await Deno.mkdir(`${directory}/copy`);
      await system.run(["mcopy", "-s", "-n", "-i", path, "::/", `${directory}/copy`], {
        // mtools takes a geometry of its own as a reason to doubt (mtools(5))
        env: { MTOOLS_SKIP_CHECK: "1" },
      });
      for (const { path: name, bytes } of files) {
        assert.deepEqual(await system.readFile(`${directory}/copy/${name}`), Uint8Array.from(bytes), name);
      }
    });
  });
}

/** A folder of results as create-initrd leaves it. */
async function writeBuild(system: System, directory: string): Promise<void> {
  const built = sampleBuilt();
  const names = ["trim", "agents", "secrets"] as const;
  const parts = built.initrds.map(({ bytes }, index) => ({ name: names[index] ?? assert.fail(), bytes }));
  const padded = parts.flatMap(({ bytes }) => [bytes, new Uint8Array(archivePaddingBytes(bytes.length))]);
  const initrd = concatenate([...padded, new TextEncoder().encode("the end")]);
  const manifest = formatManifest({
    architecture: "amd64",
    kernel: { sizeBytes: built.kernel.length, sha256: hashText(built.kernel), version: "6.12" },
    initrd: { sizeBytes: initrd.length, sha256: hashText(initrd), holdsSecret: true },
    agents: "bundle",
    isDebug: true,
    parts: parts.map(({ name, bytes }) => ({ name, sizeBytes: bytes.length, unpackedBytes: 1, summary: "" })),
    debian: { suite: "trixie", mirror: "http://deb.debian.org/debian" },
    packages: [],
  });
  await system.makeDirectory(`${directory}/loaders`);
  const files = {
    kernel: built.kernel,
    initrd,
    "manifest.json": manifest,
    "loaders/shimx64.efi": built.shim,
    "loaders/mmx64.efi": built.mokManager,
    "loaders/grubx64.efi": built.secondStage,
    "loaders/grub-boot.img": built.grubBoot,
    "loaders/grub-core.img": built.grubCore,
  };
  for (const [name, content] of Object.entries(files)) await system.writeFile(`${directory}/${name}`, content);
}

Deno.test("a stick for arm64 has its boot loaders by their names, and none for a BIOS", async () => {
  await inDirectory(async (system, directory) => {
    await writeBuild(system, directory);
    const loaders = `${directory}/loaders`;
    for (const name of ["shim", "mm", "grub"]) {
      await Deno.rename(`${loaders}/${name}x64.efi`, `${loaders}/${name}aa64.efi`);
    }
    for (const name of ["grub-boot.img", "grub-core.img"]) await system.remove(`${loaders}/${name}`);
    const keyPath = `${directory}/aes-key`;
    await system.writeFile(keyPath, createSeededRandom(7).bytes(32), { mode: 0o600 });
    const image = (): ReturnType<typeof makeStickImage> =>
      makeStickImage(system, { buildDirectory: directory, keyPath, laptopName: "vaio" }, `${directory}/arm64.img`);
    // The manifest is that of another image.
    await assert.rejects(image(), /shimx64\.efi" is not there/);
    const path = `${directory}/manifest.json`;
    await system.writeFile(path, (await system.readText(path)).replace('"amd64"', '"arm64"'));
    await image();
    const { stdout } = await system.run(["sfdisk", "--verify", `${directory}/arm64.img`]);
    assert.match(stdout, /No errors detected/);
    const start = (await system.readFile(`${directory}/arm64.img`)).subarray(0, 440);
    assert.ok(start.every((byte) => byte === 0));
    const built = await readBuiltStick(system, directory);
    const files = composeFiles(built, sampleRecord).map(({ path }) => path).filter((path) => path.startsWith("EFI/"));
    assert.deepEqual(files, ["EFI/BOOT/BOOTAA64.EFI", "EFI/BOOT/grubaa64.efi", "EFI/BOOT/mmaa64.efi"]);
  });
});

Deno.test("the image is sparse, for its owner alone, and the same for the same inputs", async () => {
  await inDirectory(async (system, directory) => {
    await writeBuild(system, directory);
    const keyPath = `${directory}/aes-key`;
    await system.writeFile(keyPath, createSeededRandom(7).bytes(32), { mode: 0o600 });
    // As many sticks, no multiple of 4096.
    const options = { buildDirectory: directory, keyPath, laptopName: "vaio", sizeBytes: 7_747_397_632 };
    assert.equal(options.sizeBytes % 4096, 2048);
    const [one, other] = [`${directory}/one.img`, `${directory}/other.img`];
    const image = await makeStickImage(system, options, one);
    assert.deepEqual({ ...await makeStickImage(system, options, other), path: one }, image);
    const status = await Deno.stat(one);
    assert.equal((status.mode ?? 0) & 0o777, 0o600);
    assert.equal(status.size, options.sizeBytes);
    assert.ok((status.blocks ?? 0) * 512 < 8_000_000, `${status.blocks} blocks`);
    let end = 0;
    for (const { offset, sizeBytes } of image.extents) {
      assert.ok(offset >= end && offset % 4096 === 0, `${offset} ${sizeBytes}`);
      const read = async (path: string): Promise<string> => {
        const hash: Uint8Array[] = [];
        for await (const piece of await system.openRead(path, { offset, sizeBytes })) hash.push(piece);
        return hashText(concatenate(hash));
      };
      assert.equal(await read(one), await read(other));
      end = offset + sizeBytes;
      assert.ok(sizeBytes % 4096 === 0 || end === options.sizeBytes, `${offset} ${sizeBytes}`);
    }
    assert.equal(image.extents[0]?.offset, 0);
    assert.equal(end, options.sizeBytes);
    const { stdout, stderr } = await system.run(["sfdisk", "--verify", one]);
    assert.match(stdout + stderr, /No errors detected/);
    await assert.rejects(makeStickImage(system, { ...options, sizeBytes: 100_000_000 }, one), /a stick needs/);
    const before = await system.readFile(`${directory}/initrd`);
    await system.makeDirectory(`${keyPath}s`);
    const bell = createSeededRandom(8).bytes(32);
    await system.writeFile(`${keyPath}s/bell`, bell, { mode: 0o600 });
    const holdsBell = async (): Promise<boolean> => {
      const { extents } = await makeStickImage(system, options, one);
      const pieces: Uint8Array[] = [];
      for (const part of extents) for await (const piece of await system.openRead(one, part)) pieces.push(piece);
      return Buffer.concat(pieces).includes(Buffer.from(bell));
    };
    assert.ok(await holdsBell(), "the stick has the other laptop's key");
    assert.deepEqual(await system.readFile(`${directory}/initrd`), before, "what a laptop serves with has not");
    assert.ok(!Buffer.from(before).includes(Buffer.from(bell)));
    await system.chmod(`${keyPath}s/bell`, 0o644);
    await assert.rejects(makeStickImage(system, options, one), /others can read/);
    await system.remove(`${keyPath}s/bell`);
    assert.ok(!await holdsBell());
    await system.writeFile(`${directory}/kernel`, "another");
    await assert.rejects(makeStickImage(system, options, one), /do not belong together/);
    await system.remove(`${directory}/loaders/mmx64.efi`);
    await writeBuild(system, directory);
    await system.remove(`${directory}/manifest.json`);
    await assert.rejects(makeStickImage(system, options, one), /manifest.json" is not there/);
  });
});
