/** Kernel and initramfs of a boot entry as streams, readable until the partition they are on is closed. */

import { cpioPaddingBytes } from "../protocol/cpio.ts";
import type { MountedFiles } from "./boot_files.ts";
import { type BootEntry, BootError } from "./menu/entry.ts";

export interface BootImage {
  readonly entry: BootEntry;
  readonly kernelBytes: number;
  /** All initramfs files of the entry, one after the other, each padded with zero bytes to a multiple of four, as boot loaders do. */
  readonly initramfsBytes: number;
  /** Encrypted partitions that were unlocked for it and looked through: no hibernated system is inside. */
  readonly unlocked?: readonly string[];
  openKernel(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  openInitramfs(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** Closes every stream that is still open; whoever reads one gets an error, never a silent end. */
export type ClosableImage = BootImage & AsyncDisposable;

/** A kernel or initramfs is never larger; a file that is would fill the desktop's memory. */
export const maximumImageBytes = 1024 * 1024 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** @throws {BootError} "unsupported" when a file is empty or too large */
export async function openImage(files: MountedFiles, entry: BootEntry): Promise<ClosableImage> {
  const size = async (path: string): Promise<number> => {
    const bytes = await files.sizeBytes(path);
    if (bytes > 0 && bytes <= maximumImageBytes) return bytes;
    throw new BootError("unsupported", `"${path}" has ${bytes} bytes, wanted 1 to ${maximumImageBytes}`);
  };
  const parts: { readonly path: string; readonly bytes: number }[] = [];
  for (const path of entry.initrds) parts.push({ path, bytes: await size(path) });
  const streams = new TrackedStreams();
  return {
    entry,
    kernelBytes: await size(entry.kernel),
    initramfsBytes: parts.reduce((sum, part) => sum + part.bytes + cpioPaddingBytes(part.bytes), 0),
    openKernel: async () => streams.track(await files.openRead(entry.kernel)),
    openInitramfs: () => Promise.resolve(streams.track(ReadableStream.from(concatenate(files, parts)))),
    [Symbol.asyncDispose]: () => streams.closeAll(),
  };
}

async function* concatenate(
  files: MountedFiles,
  parts: readonly { readonly path: string; readonly bytes: number }[],
): AsyncGenerator<Bytes> {
  for (const { path, bytes } of parts) {
    yield* await files.openRead(path);
    // Documentation/driver-api/early-userspace/buffer-format.rst: each archive starts at a multiple of four.
    const padding = cpioPaddingBytes(bytes);
    if (padding > 0) yield new Uint8Array(padding);
  }
}

class TrackedStreams {
  readonly #open = new Set<ReadableStreamDefaultReader<Bytes>>();
  #isClosed = false;

  track(source: ReadableStream<Bytes>): ReadableStream<Bytes> {
    const reader = source.getReader();
    this.#open.add(reader);
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (this.#isClosed) throw new Error("The boot partition was closed while it was being read");
        if (!done) return controller.enqueue(value);
        this.#open.delete(reader);
        controller.close();
      },
      cancel: async (reason) => {
        this.#open.delete(reader);
        await reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  async closeAll(): Promise<void> {
    this.#isClosed = true;
    for (const reader of this.#open) await reader.cancel();
    this.#open.clear();
  }
}
