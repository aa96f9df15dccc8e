/** A small stick and its disk in memory, which knows only the blocks that were written. */

import type { StickWrite } from "../../lib/fat/plan_fat.ts";
import type { ReadAt } from "../../lib/fat/read_fat.ts";
import { composeFiles, formatNewStick } from "../../lib/media/stick_image.ts";
import type { StickFile } from "../../lib/media/stick_content.ts";
import { planStick, type StickLayout } from "../../lib/media/stick_layout.ts";
import type { BuiltStick } from "../../lib/media/stick_parts.ts";
import type { StickRecord } from "../../lib/media/stick_record.ts";
import { createSeededRandom } from "./seeded_random.ts";

const blockBytes = 4096;

export interface BlockDisk {
  readonly readAt: ReadAt;
  write(write: StickWrite): void;
  /** A disk of its own with the same content. */
  copy(): BlockDisk;
  /** Blocks that were written, by number. */
  readonly blocks: ReadonlyMap<number, Uint8Array>;
}

export function createBlockDisk(blocks: Map<number, Uint8Array> = new Map()): BlockDisk {
  return {
    blocks,
    readAt: (offset, sizeBytes) => {
      const bytes = new Uint8Array(sizeBytes);
      for (let position = 0; position < sizeBytes;) {
        const [block, inside] = [Math.floor((offset + position) / blockBytes), (offset + position) % blockBytes];
        const length = Math.min(blockBytes - inside, sizeBytes - position);
        const stored = blocks.get(block);
        if (stored !== undefined) bytes.set(stored.subarray(inside, inside + length), position);
        position += length;
      }
      return Promise.resolve(bytes);
    },
    write: (write) => {
      for (const { offset, bytes } of splitBlocks(write)) blocks.set(offset / blockBytes, bytes);
    },
    copy: () => createBlockDisk(new Map(blocks)),
  };
}

/** One write for each block. */
export function splitBlocks({ offset, bytes }: StickWrite): readonly StickWrite[] {
  if (offset % blockBytes !== 0 || bytes.length % blockBytes !== 0) {
    throw new RangeError(`A write at ${offset} of ${bytes.length} bytes is not one of whole blocks`);
  }
  return Array.from({ length: bytes.length / blockBytes }, (_, index) => ({
    offset: offset + index * blockBytes,
    bytes: bytes.slice(index * blockBytes, (index + 1) * blockBytes),
  }));
}

type SampleBuilt = BuiltStick & Required<Pick<BuiltStick, "grubBoot" | "grubCore">>;

/** Parts in small, with random content. */
export function sampleBuilt(seed = 1, change: Partial<SampleBuilt> = {}): SampleBuilt {
  const random = createSeededRandom(seed);
  const grubBoot = random.bytes(512);
  return {
    architecture: "amd64",
    kernel: random.bytes(30_000),
    initrds: [
      { name: "base.img", bytes: random.bytes(100_000) },
      { name: "agents.img", bytes: random.bytes(9_000) },
      { name: "key.img", bytes: random.bytes(1_100) },
    ],
    isDebug: false,
    shim: random.bytes(5_000),
    mokManager: random.bytes(4_096),
    secondStage: random.bytes(8_192),
    grubBoot,
    grubCore: random.bytes(20_001),
    ...change,
  };
}

export const sampleRecord: StickRecord = {
  version: 1,
  keyFingerprint: "0123-4567-89ab-cdef",
  laptops: [{ name: "vaio", keyFingerprint: "0123-4567-89ab-cdef" }],
  parameters: [],
};

export interface SampleStick {
  readonly layout: StickLayout;
  readonly files: readonly StickFile[];
  readonly disk: BlockDisk;
}

export function makeSampleStick(
  built: BuiltStick,
  { sectorBytes = 512, sizeBytes, placeUuid, record = sampleRecord }: {
    readonly sectorBytes?: 512 | 4096;
    readonly sizeBytes?: number;
    /** UUID of the partition for a second boot. */
    readonly placeUuid?: string;
    readonly record?: StickRecord;
  } = {},
): SampleStick {
  const files = composeFiles(built, record, placeUuid);
  const contentBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const layout = planStick(contentBytes, { sectorBytes, placeUuid, ...sizeBytes === undefined ? {} : { sizeBytes } });
  if (layout === undefined) throw new RangeError("The sample does not fit");
  const disk = createBlockDisk();
  for (const write of formatNewStick(layout, { built, files })) disk.write(write);
  return { layout, files, disk };
}
