/** A cut-off update, looked at with programs of others: fsck.vfat and mtools. */

import assert from "node:assert/strict";
import { makeSampleStick, sampleBuilt, sampleRecord, splitBlocks } from "../../tests/support/sample_stick.ts";
import { createRealSystem } from "../system/real.ts";
import { composeFiles } from "./stick_image.ts";
import { planUpdate, readStick } from "./update_stick.ts";

/** What fsck.vfat may find where an update was cut off: nothing that can be reached is touched by it. */
const harmless = [
  /^fsck\.fat /,
  /^FATs differ but appear to be intact\./,
  /^ *1\) Use first FAT|^ *2\) Use second FAT|^Use first FAT|^\[12\?q\]|^ *Using first FAT/,
  /^Auto-correcting\.|^ *Auto-correcting\./,
  /^Orphaned long file name part/,
  /^Reclaimed \d+ unused clusters? \(\d+ bytes\)/,
  /^Leaving filesystem unchanged\./,
  /^Free cluster summary uninitialized/,
  /^.*: \d+ files, \d+\/\d+ clusters$/,
  /^$/,
];

Deno.test("fsck.vfat and mtools find every cut-off update whole: the old files or the new", async () => {
  const system = createRealSystem({ home: "/" });
  const directory = await Deno.makeTempDir({ prefix: "stiefel-cut-" });
  try {
    const [old, built] = [sampleBuilt(1), sampleBuilt(2)];
    const { disk, layout } = makeSampleStick(old);
    const files = [old, built].map((parts) => composeFiles(parts, sampleRecord));
    const state = await readStick(disk.readAt, { sizeBytes: layout.sizeBytes });
    if ("reason" in state) assert.fail(state.reason);
    const update = planUpdate(state, { built, record: sampleRecord, files: files[1] ?? [] });
    if (update.kind !== "update") assert.fail(update.kind);
    const { offsetBytes, sizeBytes } = layout.efi;
    const path = `${directory}/efi.img`;
    const parts = [...disk.blocks].map(([block, bytes]) => ({ offset: block * 4096 - offsetBytes, bytes }))
      .filter(({ offset }) => offset >= 0 && offset < sizeBytes);
    await system.writeSparse(path, { sizeBytes, parts });
    const writes = update.groups.flatMap((group, index) =>
      group.flatMap(splitBlocks).map((write) => ({ index, ...write }))
    )
      .filter(({ offset }) => offset >= offsetBytes);
    const seen = new Set<number>();
    using file = await Deno.open(path, { write: true });
    for (const [cut, { index, offset, bytes }] of writes.entries()) {
      await file.seek(offset - offsetBytes, Deno.SeekMode.Start);
      assert.equal(await file.write(bytes), bytes.length);
      // Data in clusters that nothing leads to changes nothing: some of these cuts are enough.
      const isData = writes[cut + 1]?.index === index && update.groups[index]?.length !== 1 && cut % 16 !== 0;
      if (isData) continue;
      const { stdout } = await system.run(["fsck.vfat", "-n", path], { acceptExitCodes: [0, 1] });
      const found = stdout.split("\n").filter((line) => !harmless.some((pattern) => pattern.test(line)));
      assert.deepEqual(found, [], `after write ${cut + 1} of ${writes.length}:\n${stdout}`);
      seen.add(await matchFiles(path, files));
    }
    assert.deepEqual([...seen], [0, 1]);
    const { stdout } = await system.run(["fsck.vfat", "-n", path]);
    assert.doesNotMatch(stdout, /differ|Reclaimed|Leaving/, "nothing is left over in the end");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }

  /** Which of the two lists is on the file system, all of it and nothing else. */
  async function matchFiles(
    path: string,
    lists: readonly (readonly { path: string; bytes: Uint8Array }[])[],
  ): Promise<number> {
    const copy = `${directory}/copy`;
    await system.remove(copy);
    await system.makeDirectory(copy);
    await system.run(["mcopy", "-s", "-n", "-i", path, "::/", copy]);
    const same = await Promise.all(lists.map(async (list) => {
      const contents = await Promise.all(list.map(({ path }) => system.readFile(`${copy}/${path}`)));
      return list.every(({ bytes }, index) => bytes.toHex() === contents[index]?.toHex());
    }));
    return same.indexOf(true);
  }
});
