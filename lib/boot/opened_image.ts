/** Kernel and initramfs of a boot entry as streams, readable until the partition they are on is closed. */

import { cpioPaddingBytes } from "../formats/cpio.ts";
import { COMMAND_LINE_MAX_BYTES, forDesktop, isKernelCommandLine } from "../formats/kernel_command_line.ts";
import type { MountedFiles } from "./boot_files.ts";
import type { BootDecision, PlacedFile } from "./menu/decide_boot.ts";
import type { BootEntry } from "./menu/entry.ts";
import { BootError } from "../boot_error.ts";
import type { KernelSignature } from "./kernel_signers.ts";

export interface BootImage {
  readonly entry: BootEntry;
  readonly kernelBytes: number;
  /**
   * All initramfs files of the entry, one after the other, each padded with zero bytes to a multiple of four, as boot
   * loaders do.
   */
  readonly initramfsBytes: number;
  /** Encrypted partitions that were unlocked for it and looked through: no hibernated system is inside. */
  readonly unlocked?: readonly string[];
  /** It was handed over and lies in memory: reading it first would gain nothing. */
  readonly isInMemory?: boolean;
  /** Where the kernel has been looked at already. */
  readonly kernelSignature?: KernelSignature;
  openKernel(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  openInitramfs(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** Closes every stream that is still open; its reader gets an error, never a silent end. */
export type ClosableImage = BootImage & AsyncDisposable;

/** A kernel or initramfs is never larger; a file that is would fill the desktop's memory. */
const maximumImageBytes = 1024 * 1024 * 1024;

type Bytes = Uint8Array<ArrayBuffer>;

/** Why an entry without an initramfs is refused. */
export function lacksInitramfs({ title, source }: Pick<BootEntry, "title" | "source">): BootError {
  return new BootError("no-boot-entry", `The boot entry "${title}" has no initramfs, which would attach the disk`, {
    hints: [
      `It is in "${source}"`,
      "Run setup-server on the laptop, or name kernel, initrd and cmdline in boot.load of config.yaml",
    ],
  });
}

interface SizedFile {
  readonly placed: PlacedFile;
  readonly bytes: number;
}

/**
 * @param partitions whose files the decision names, by number
 * @throws {BootError} "unsupported" when a file is empty or too large, or the command line too long
 */
export async function openImage(
  partitions: readonly MountedFiles[],
  decision: BootDecision,
): Promise<ClosableImage> {
  const filesOf = ({ partition }: PlacedFile): MountedFiles => {
    const files = partitions[partition];
    if (files === undefined) throw new TypeError(`There is no partition number ${partition}`);
    return files;
  };
  const measure = async (placed: PlacedFile): Promise<SizedFile> => {
    const bytes = placed.part?.sizeBytes ?? await filesOf(placed).sizeBytes(placed.path);
    if (bytes > 0 && bytes <= maximumImageBytes) return { placed, bytes };
    throw new BootError("unsupported", `"${placed.path}" has ${bytes} bytes, wanted 1 to ${maximumImageBytes}`);
  };
  const open = (placed: PlacedFile): ReturnType<MountedFiles["openRead"]> =>
    filesOf(placed).openRead(placed.path, placed.part);
  demandCommandLine(decision);
  const kernel = await measure(decision.kernel);
  const initrds: SizedFile[] = [];
  for (const initrd of decision.initrds) initrds.push(await measure(initrd));
  const streams = new TrackedStreams();
  return {
    entry: describeDecision(decision),
    kernelBytes: kernel.bytes,
    initramfsBytes: initrds.reduce((sum, { bytes }) => sum + bytes + cpioPaddingBytes(bytes), 0),
    openKernel: async () => streams.track(await open(decision.kernel)),
    openInitramfs: () => Promise.resolve(streams.track(ReadableStream.from(concatenate(initrds, open)))),
    [Symbol.asyncDispose]: () => streams.closeAll(),
  };
}

/** @throws {BootError} "unsupported" when a kernel would read something else than what is there */
function demandCommandLine({ commandLine, commandLineSource: { path } }: BootDecision): void {
  const text = forDesktop(commandLine);
  if (isKernelCommandLine(text)) return;
  const { length } = new TextEncoder().encode(text);
  const found = length > COMMAND_LINE_MAX_BYTES
    ? `has ${length} bytes for a desktop, wanted at most ${COMMAND_LINE_MAX_BYTES}`
    : "has characters that cannot be passed on";
  throw new BootError("unsupported", `The command line in "${path}" ${found}`, {
    hints: ["Change it there, or name kernel, initrd and cmdline in boot.load of config.yaml"],
  });
}

function describeDecision({ kernel, initrds, source, commandLineSource, ...entry }: BootDecision): BootEntry {
  const isElsewhere = commandLineSource.partition !== source.partition || commandLineSource.path !== source.path;
  return {
    ...entry,
    kernel: kernel.path,
    initrds: initrds.map(({ path }) => path),
    source: source.path,
    ...isElsewhere ? { commandLineSource: commandLineSource.path } : {},
  };
}

async function* concatenate(
  files: readonly SizedFile[],
  open: (placed: PlacedFile) => ReturnType<MountedFiles["openRead"]>,
): AsyncGenerator<Bytes> {
  for (const { placed, bytes } of files) {
    yield* await open(placed);
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
