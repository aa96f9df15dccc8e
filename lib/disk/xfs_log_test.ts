import assert from "node:assert/strict";
import { isXfsLogDirty } from "./xfs_log.ts";

const blockSize = 4096;
const logBlocks = 64; // basic blocks
const logOffset = (2 * 1024 + 8) * blockSize; // group 2, block 8

/** A file system with nothing but a super block and a log. */
function makeXfs(): { readonly image: Uint8Array<ArrayBuffer>; readonly view: DataView } {
  const image = new Uint8Array(logOffset + logBlocks * 512);
  const view = new DataView(image.buffer);
  view.setUint32(0, 0x58465342);
  view.setUint32(4, blockSize);
  view.setBigUint64(48, (2n << 10n) + 8n); // sb_logstart: group 2, block 8
  view.setUint32(84, 1024); // sb_agblocks
  view.setUint8(124, 10); // sb_agblklog
  view.setUint32(96, logBlocks * 512 / blockSize);
  return { image, view };
}

/** A record of one header and `blocks` blocks. */
function writeRecord(
  view: DataView,
  at: number,
  { cycle, blocks, operations, flags }: { cycle: number; blocks: number; operations: number; flags: number },
): void {
  const offset = logOffset + at * 512;
  view.setUint32(offset, 0xfeedbabe);
  view.setUint32(offset + 4, cycle);
  view.setUint32(offset + 40, operations);
  view.setUint32(offset + 320, 32 * 1024);
  for (let i = 1; i <= blocks; i++) view.setUint32(offset + i * 512, cycle);
  view.setUint8(offset + 512 + 9, flags);
}

function isDirty(image: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return isXfsLogDirty(({ offset, length }) => Promise.resolve(new DataView(image.buffer, offset, length)));
}

Deno.test("a log that ends with an unmount record is clean", async () => {
  const { image, view } = makeXfs();
  writeRecord(view, 0, { cycle: 1, blocks: 5, operations: 9, flags: 0 });
  writeRecord(view, 6, { cycle: 1, blocks: 1, operations: 1, flags: 0x20 });
  assert.equal(await isDirty(image), false);
});

Deno.test("a log that ends with anything else is dirty, an earlier unmount does not count", async () => {
  const { image, view } = makeXfs();
  writeRecord(view, 0, { cycle: 1, blocks: 1, operations: 1, flags: 0x20 });
  writeRecord(view, 2, { cycle: 1, blocks: 4, operations: 3, flags: 0 });
  assert.equal(await isDirty(image), true);
});

Deno.test("the end is found in a log that was gone round", async () => {
  for (const head of [2, 30, 62, 64]) {
    const { image, view } = makeXfs();
    for (let at = 0; at < logBlocks; at++) view.setUint32(logOffset + at * 512, at < head ? 8 : 7);
    writeRecord(view, head - 2, { cycle: 8, blocks: 1, operations: 1, flags: 0x20 });
    assert.equal(await isDirty(image), false, `head ${head}`);
    writeRecord(view, head - 2, { cycle: 8, blocks: 1, operations: 1, flags: 0 });
    assert.equal(await isDirty(image), true, `head ${head}`);
  }
});

Deno.test("another file system and an external log are none of our business", async () => {
  const { image, view } = makeXfs();
  view.setBigUint64(48, 0n);
  assert.equal(await isDirty(image), false);
  view.setUint32(0, 0);
  assert.equal(await isDirty(image), false);
});
