/** Where kernel and initramfs wait in memory until they start: written as they come in, hashed on the way. */
import { createHash, type Hash } from "node:crypto";
import type { ArchiveMessage } from "../../lib/protocol/boot_exchange.ts";
import { cpioPaddingBytes } from "../../lib/protocol/cpio.ts";
import { buildSessionCpio } from "../../lib/protocol/session.ts";
import type { ArchivePart } from "../../lib/protocol/client_session.ts";
import type { System } from "../../lib/system/system.ts";

export interface StagedArchive {
  readonly kernelPath: string;
  readonly initramfsPath: string;
}

/** Hashes of what was received, lower-case hex. */
export interface StagedHashes {
  readonly kernelSha256: string;
  readonly initramfsSha256: string;
}

export class Staging implements AsyncDisposable {
  readonly paths: StagedArchive;
  readonly #system: System;
  readonly #archive: ArchiveMessage;
  readonly #parts: Readonly<Record<ArchivePart, PartFile>>;
  #isFinished = false;
  #isKept = false;

  /** Opens the files, empty. */
  static async open(system: System, directory: string, archive: ArchiveMessage): Promise<Staging> {
    await system.makeDirectory(directory, { mode: 0o700 });
    return new Staging(system, directory, archive);
  }

  private constructor(system: System, directory: string, archive: ArchiveMessage) {
    this.#system = system;
    this.#archive = archive;
    this.paths = { kernelPath: `${directory}/kernel`, initramfsPath: `${directory}/initramfs` };
    this.#parts = {
      kernel: new PartFile(system, this.paths.kernelPath),
      initramfs: new PartFile(system, this.paths.initramfsPath),
    };
  }

  /** Appends to a part; returns when there is room for more. @throws when the file cannot be written, e.g. memory is full */
  async store(part: ArchivePart, bytes: Uint8Array): Promise<void> {
    await this.#parts[part].append(bytes);
  }

  /** Closes the files, the session added to the initramfs, and says the hashes of what was received. */
  async finish(): Promise<StagedHashes> {
    const { kernel, initramfs } = this.#parts;
    const hashes = { kernelSha256: kernel.digest(), initramfsSha256: initramfs.digest() };
    // The kernel looks for the next archive at a multiple of four (Documentation/driver-api/early-userspace/buffer-format.rst).
    await initramfs.write(new Uint8Array(cpioPaddingBytes(this.#archive.initramfsBytes)));
    await initramfs.write(buildSessionCpio(this.#archive.session));
    await Promise.all([kernel.close(), initramfs.close()]);
    this.#isFinished = true;
    return hashes;
  }

  /** The files outlive this object. */
  keep(): StagedArchive {
    this.#isKept = true;
    return this.paths;
  }

  /** Drops what was stored, unless it is kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isKept) return;
    if (!this.#isFinished) await Promise.all(Object.values(this.#parts).map((part) => part.abandon()));
    await removeStaged(this.#system, this.paths);
  }
}

/** Gives the memory back. */
export async function removeStaged(system: System, paths: StagedArchive): Promise<void> {
  await system.remove(paths.kernelPath);
  await system.remove(paths.initramfsPath);
}

class PartFile {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #written: Promise<void>;
  readonly #hash: Hash = createHash("sha256");

  constructor(system: System, path: string) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    this.#writer = writable.getWriter();
    // 0600: an initramfs may hold keys, and the session file is a secret of this boot.
    this.#written = system.writeStream(path, readable, { mode: 0o600 });
    this.#written.catch((error) => this.#writer.abort(error)).catch(() => {});
    this.#writer.closed.catch(() => {});
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await this.#writer.write(bytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#writer.write(bytes);
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#written;
  }

  async abandon(): Promise<void> {
    await this.#writer.abort("abandoned").catch(() => {});
    await this.#written.catch(() => {});
  }
}
