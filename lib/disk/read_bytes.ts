/**
 * Single bytes of a block device. Deno cannot open most of /dev under scoped grants, and text is all that a program's
 * output can be: od(1).
 */

import type { System } from "../system/system.ts";

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A device has fewer bytes than were asked for. */
export class ShortRead extends Error {}

/** @throws {CommandError} or {ShortRead} when the range is not on the device. Runs `od`. */
export async function readBytes(
  system: System,
  device: string,
  { offset, length }: ByteRange,
): Promise<DataView<ArrayBuffer>> {
  // Short options: the image's od is busybox's. -A n: no addresses; -t x1: bytes in hex; -v: repeated lines, too.
  const argv = ["od", "-A", "n", "-t", "x1", "-v", "-j", String(offset), "-N", String(length), device];
  const { stdout } = await system.run(argv, { timeoutMs: 30_000 });
  const bytes = Uint8Array.from(stdout.split(/\s+/).filter(Boolean), (hex) => Number.parseInt(hex, 16));
  if (bytes.length !== length) {
    throw new ShortRead(`Wanted ${length} bytes of "${device}" at ${offset}, found ${bytes.length}`);
  }
  return new DataView(bytes.buffer);
}
