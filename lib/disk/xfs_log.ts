/**
 * Was an XFS file system unmounted cleanly? Its super block does not say; the last record of its log does.
 * Source: "XFS Algorithms & Data Structures", chapters "Superblocks" and "Journaling Log". Everything is big-endian.
 */

import type { ByteRange } from "./read_bytes.ts";

type Read = (range: ByteRange) => Promise<DataView>;

const superMagic = 0x58465342; // "XFSB"
const recordMagic = 0xfeedbabe;
/** The log is counted in basic blocks, whatever the file system's block size. */
const basicBlock = 512;
/** h_len of the largest record, 256 KiB, and its headers: one for each 32 KiB. */
const longestRecordBlocks = 512 + 8;
/** XLOG_UNMOUNT_TRANS in oh_flags. */
const unmountFlag = 0x20;

/** @returns false also when the log is on another device, or what is found is not XFS as we know it */
export async function isXfsLogDirty(read: Read): Promise<boolean> {
  const superBlock = await read({ offset: 0, length: 128 });
  if (superBlock.getUint32(0) !== superMagic) return false;
  const log = locateLog(superBlock);
  if (log === undefined) return false;
  const head = await findHead(read, log);
  return !await endsWithUnmount(read, log, head);
}

interface Log {
  readonly offset: number;
  readonly blocks: number;
}

function locateLog(superBlock: DataView): Log | undefined {
  const blockSize = superBlock.getUint32(4);
  const start = superBlock.getBigUint64(48);
  if (start === 0n) return undefined; // an external log
  const groupBlocks = BigInt(superBlock.getUint32(84));
  const groupBits = BigInt(superBlock.getUint8(124));
  const block = (start >> groupBits) * groupBlocks + (start & ((1n << groupBits) - 1n));
  return {
    offset: Number(block) * blockSize,
    blocks: superBlock.getUint32(96) * blockSize / basicBlock,
  };
}

/**
 * Each block starts with the number of the round in which it was written; record headers have it behind their magic
 * number.
 */
async function readCycle(read: Read, log: Log, block: number): Promise<number> {
  const start = await read({ offset: log.offset + block * basicBlock, length: 8 });
  return start.getUint32(0) === recordMagic ? start.getUint32(4) : start.getUint32(0);
}

/** The block after the newest one: where the round number drops. */
async function findHead(read: Read, log: Log): Promise<number> {
  const newest = await readCycle(read, log, 0);
  if (await readCycle(read, log, log.blocks - 1) === newest) return log.blocks;
  let [low, high] = [0, log.blocks - 1]; // low has the newest round, high an older one or none
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await readCycle(read, log, middle) === newest) low = middle;
    else high = middle;
  }
  return high;
}

/** Whether the last record before `head` is the one that unmounting writes. */
async function endsWithUnmount(read: Read, log: Log, head: number): Promise<boolean> {
  // That record has two blocks; a stripe unit may pad it. So look close by first.
  for (const blocks of [16, longestRecordBlocks]) {
    const from = Math.max(0, head - blocks);
    const tail = await read({ offset: log.offset + from * basicBlock, length: (head - from) * basicBlock });
    const record = findLastRecord(tail);
    if (record !== undefined) return isUnmountRecord(tail, record);
  }
  return false;
}

function findLastRecord(blocks: DataView): number | undefined {
  for (let at = blocks.byteLength - basicBlock; at >= 0; at -= basicBlock) {
    if (blocks.getUint32(at) === recordMagic) return at;
  }
  return undefined;
}

function isUnmountRecord(blocks: DataView, record: number): boolean {
  const operations = blocks.getUint32(record + 40); // h_num_logops
  const headers = Math.max(1, Math.ceil(blocks.getUint32(record + 320) / (32 * 1024))); // h_size
  const operation = record + headers * basicBlock;
  if (operations !== 1 || operation + 12 > blocks.byteLength) return false;
  return (blocks.getUint8(operation + 9) & unmountFlag) !== 0; // oh_flags
}
