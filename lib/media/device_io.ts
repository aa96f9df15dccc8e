/**
 * Bytes of a block device, past the page cache.
 *
 * Deno opens no device files under scoped grants, so dd(1) does: one call for each piece, so that each has its own
 * status, and what is written is known to the byte. `oflag=direct` and `iflag=direct` are O_DIRECT of open(2): what is
 * read back comes from the device.
 */

import type { System } from "../system/system.ts";
import { DeviceFault, nameFault, readCopied } from "./device_fault.ts";

/** The largest logical sector of devices that start computers; O_DIRECT takes whole sectors. */
export const sectorBytes = 4096;
/**
 * Where sectors are that small, the device's size need not be a multiple of larger ones; O_DIRECT takes what fits the
 * device's own.
 */
const leastSectorBytes = 512;
const blockBytes = 1024 * 1024;
/** What a device may take for one piece. */
const pieceTimeoutMs = 120_000;

export interface DeviceIo {
  readonly path: string;
  /**
   * @param offset in bytes, and the length of `bytes`: multiples of {@link sectorBytes}; at the end of a device, of
   *   its own sector
   * @throws {DeviceFault} when not all of it was taken
   */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** @throws {DeviceFault} when less than `length` bytes came */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves when the device has put down all that was written. @throws {DeviceFault} */
  sync(): Promise<void>;
}

/** Runs `dd`, `sync`. @param options.isCleanup goes on after Ctrl-C */
export function createDeviceIo(
  system: System,
  path: string,
  { isCleanup = false }: { readonly isCleanup?: boolean } = {},
): DeviceIo {
  const common = { timeoutMs: pieceTimeoutMs, isCleanup };
  return {
    path,
    write: async (offset, bytes) => {
      const about = { device: path, doing: "writing", offset };
      const size = blockSizeOf(offset, bytes.length);
      const argv = ["dd", `of=${path}`, `bs=${size}`, `seek=${offset}`, "iflag=fullblock", "oflag=direct,seek_bytes"];
      // nocreat: a name that is gone must not become a file in memory.
      const copied = await naming(about, async () => {
        const { stderr } = await system.run([...argv, "conv=nocreat,notrunc"], { ...common, stdin: bytes });
        return readCopied(stderr);
      });
      if (copied === bytes.length) return;
      const detail = `it took ${copied ?? "an unknown number"} of ${bytes.length} bytes`;
      throw new DeviceFault({ kind: "short", ...about, offset: offset + (copied ?? 0), detail });
    },
    read: async (offset, length) => {
      const about = { device: path, doing: "reading back", offset };
      const size = blockSizeOf(offset, length);
      const bytes = new Uint8Array(length);
      let got = 0;
      const onBytes = (piece: Uint8Array): void => {
        bytes.set(piece.subarray(0, Math.max(0, length - got)), Math.min(got, length));
        got += piece.length;
      };
      const argv = ["dd", `if=${path}`, `bs=${size}`, `skip=${offset}`, `count=${length / size}`];
      await naming(about, () => system.run([...argv, "iflag=direct,fullblock,skip_bytes"], { ...common, onBytes }));
      if (got === length) return bytes;
      const detail = `it gave ${got} of ${length} bytes`;
      throw new DeviceFault({ kind: "short", ...about, offset: offset + Math.min(got, length), detail });
    },
    sync: async () => {
      await naming({ device: path, doing: "flushing" }, () => system.run(["sync", path], common));
    },
  };
}

/**
 * What dd(1) hands to the kernel at once: large, and a part of the whole. Memory and place of O_DIRECT have to fit the
 * sector.
 */
function blockSizeOf(offset: number, length: number): number {
  if (offset % sectorBytes !== 0 || length % leastSectorBytes !== 0 || length === 0) {
    throw new TypeError(`${length} bytes at ${offset} are no whole sectors`);
  }
  return length % blockBytes === 0 ? blockBytes : length;
}

async function naming<T>(about: Parameters<typeof nameFault>[1], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw nameFault(error, about) ?? error;
  }
}
