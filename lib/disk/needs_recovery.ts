/**
 * Whether a file system was left with a journal to replay: then its last seconds are in the journal only. Never an
 * obstacle, but worth a word.
 */

import { CommandError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { readBytes, ShortRead } from "./read_bytes.ts";
import { isXfsLogDirty } from "./xfs_log.ts";

/**
 * @param fileSystem libblkid's name
 * @returns true when its own system has to replay the journal first; false when not, or when we cannot tell, as on a
 *   damaged one, whose journal lies beyond the end of the device. Runs `od`.
 */
export async function needsRecovery(system: System, device: string, fileSystem: string): Promise<boolean> {
  try {
    return await readDirty(system, device, fileSystem);
  } catch (error) {
    if (error instanceof CommandError || error instanceof ShortRead) return false;
    throw error;
  }
}

async function readDirty(system: System, device: string, fileSystem: string): Promise<boolean> {
  switch (fileSystem) {
    case "ext3":
    case "ext4": {
      // Documentation/filesystems/ext4/super.rst: at 1024, s_magic 0xEF53 at 0x38, s_feature_incompat at 0x60 with
      // RECOVER 0x4.
      const block = await readBytes(system, device, { offset: 1024, length: 0x64 });
      return block.getUint16(0x38, true) === 0xef53 && (block.getUint32(0x60, true) & 0x4) !== 0;
    }
    case "btrfs": {
      // btrfs-dev-docs, on-disk format: super block at 64 KiB, log_root at 0x60, zero when there is no log tree.
      const block = await readBytes(system, device, { offset: 64 * 1024, length: 0x68 });
      return block.getBigUint64(0x60, true) !== 0n;
    }
    case "xfs":
      return await isXfsLogDirty((range) => readBytes(system, device, range));
    default:
      return false;
  }
}
