/** Where kernel and initramfs wait in memory until they start: written as they come in. */
import { type ArchiveMessage, type ArchivePart, listArchiveParts } from "../../lib/protocol/boot_exchange.ts";
import { bootconfigTailBytes, findBootconfig } from "../../lib/boot/bootconfig.ts";
import { concatenate } from "../../lib/formats/bytes.ts";
import { archivePaddingBytes, cpioPaddingBytes } from "../../lib/formats/cpio.ts";
import { giveBack } from "../../lib/protocol/primitives.ts";
import { buildSessionCpio, type SessionParcel } from "../../lib/protocol/session.ts";
import type { FileWriter, System } from "../../lib/system/system.ts";

export interface StagedArchive {
  readonly kernelPath: string;
  readonly initramfsPath: string;
  /** Of the laptop's own boot loaders, where they were asked for. */
  readonly shimPath: string;
  readonly grubPath: string;
}

interface StagedParts {
  readonly archive: ArchiveMessage;
  readonly parts: ReadonlyMap<ArchivePart, PartFile>;
}

export class Staging implements AsyncDisposable {
  readonly paths: StagedArchive;
  readonly #system: System;
  readonly #archive: ArchiveMessage;
  readonly #parts: ReadonlyMap<ArchivePart, PartFile>;
  readonly #end: HeldEnd;
  #isClosed = false;
  #isKept = false;

  /** Opens the files, empty. */
  static async open(system: System, directory: string, archive: ArchiveMessage): Promise<Staging> {
    await system.makeDirectory(directory, { mode: 0o700 });
    const paths = {
      kernelPath: `${directory}/kernel`,
      initramfsPath: `${directory}/initramfs`,
      shimPath: `${directory}/shim`,
      grubPath: `${directory}/grub`,
    };
    const parts = new Map<ArchivePart, PartFile>();
    for (const { part } of listArchiveParts(archive)) {
      parts.set(part, await PartFile.open(system, paths[`${part}Path`]));
    }
    return new Staging(system, { paths, archive, parts });
  }

  private constructor(system: System, staged: Pick<Staging, "paths"> & StagedParts) {
    this.#system = system;
    this.paths = staged.paths;
    this.#archive = staged.archive;
    this.#parts = staged.parts;
    this.#end = new HeldEnd({ totalBytes: staged.archive.initramfsBytes, endBytes: bootconfigTailBytes });
  }

  /**
   * Appends to a part; the bytes are kept until they are written, and then given back. @throws when the file cannot be
   * written, e.g. memory is full
   */
  async store(part: ArchivePart, bytes: Uint8Array): Promise<void> {
    if (part === "initramfs" && this.#end.push(bytes)) return;
    await this.#parts.get(part)?.append(bytes);
  }

  /** Closes the files, the session added to the initramfs. @throws when not everything could be written */
  async finish(parcel: SessionParcel): Promise<void> {
    for (const [part, file] of this.#parts) {
      await file.finish(part === "initramfs" ? addSession(this.#archive, this.#end.take(), parcel) : []);
    }
    this.#close();
  }

  /** The files outlive this object. */
  keep(): StagedArchive {
    this.#isKept = true;
    return this.paths;
  }

  /** Drops what was stored, unless it is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKept) return;
    this.#close();
    await removeStaged(this.#system, this.paths);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const part of this.#parts.values()) part[Symbol.dispose]();
  }
}

/** Gives the memory back. */
export async function removeStaged(system: System, paths: StagedArchive): Promise<void> {
  for (const path of [paths.kernelPath, paths.initramfsPath, paths.shimPath, paths.grubPath]) await system.remove(path);
}

/**
 * What follows the initramfs up to its end: the session, and last of all the boot configuration that may be there,
 * since the kernel looks for it at the very end only.
 * @param end of the initramfs, not written yet
 */
function addSession(
  { initramfsBytes, session }: ArchiveMessage,
  end: Uint8Array,
  parcel: SessionParcel,
): readonly Uint8Array[] {
  const place = findBootconfig(end) ?? { start: end.length, end: end.length };
  const before = initramfsBytes - end.length + place.start;
  const padding = new Uint8Array(archivePaddingBytes(before));
  const cpio = buildSessionCpio(session, parcel);
  const bootconfig = end.subarray(place.start, place.end);
  // The kernel reads the numbers at its end as they lie: at multiples of four.
  const fill = new Uint8Array(cpioPaddingBytes(before + padding.length + cpio.length + bootconfig.length));
  return [end.subarray(0, place.start), padding, cpio, ...bootconfig.length === 0 ? [] : [fill, bootconfig]];
}

/** Keeps the pieces with the last bytes of what comes in. */
class HeldEnd {
  /** Where the last bytes begin. */
  readonly #startBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #pushedBytes = 0;

  constructor({ totalBytes, endBytes }: { readonly totalBytes: number; readonly endBytes: number }) {
    this.#startBytes = totalBytes - endBytes;
  }

  /** @returns whether it is kept */
  push(piece: Uint8Array): boolean {
    this.#pushedBytes += piece.length;
    if (this.#pushedBytes <= this.#startBytes) return false;
    this.#pieces.push(piece);
    return true;
  }

  take(): Uint8Array {
    return concatenate(this.#pieces.splice(0));
  }
}

class PartFile implements Disposable {
  readonly #file: FileWriter;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: FileWriter) {
    this.#file = file;
  }

  static async open(system: System, path: string): Promise<PartFile> {
    // 0600: an initramfs may hold keys, and the session file is a secret of this boot.
    return new PartFile(await system.openWrite(path, { mode: 0o600 }));
  }

  /**
   * Begins to write when what came before is written, the next piece is received meanwhile, and gives the bytes'
   * memory back. @throws when that could not be written
   */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#written;
    this.#written = this.#file.write(bytes).finally(() => giveBack(bytes));
    this.#written.catch(() => {}); // told by the next one to wait for it
  }

  /** Writes `rest` after all that was appended. @throws when not everything could be written */
  async finish(rest: readonly Uint8Array[]): Promise<void> {
    await this.#written;
    for (const bytes of rest) await this.#file.write(bytes);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
