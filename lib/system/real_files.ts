/** Files of the real machine: written whole or not at all, read in pieces. */

import type { FilePart } from "../file_part.ts";
import type { FileStatus, FileWriter, WriteOptions } from "./system.ts";

/** Replaces the file as a whole: written beside it, synced, renamed. */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  return writeBeside(path, content, options, (temporary) => Deno.rename(temporary, path));
}

/** @returns false when the name is taken; then nothing is changed */
export async function createFile(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<boolean> {
  try {
    // link(2) fails when the name is taken, and the file is whole when it has the name.
    await writeBeside(path, content, options, async (temporary) => {
      await Deno.link(temporary, path);
      await Deno.remove(temporary);
    });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Writes a file beside another one, which `place` then puts to its place; nothing of it stays when that fails. */
async function writeBeside(
  path: string,
  content: string | Uint8Array,
  { mode = 0o644 }: WriteOptions,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true, mode });
    await Deno.chmod(temporary, mode); // the umask took bits away
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeAll(file, bytes);
    await file.sync();
    await place(temporary);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** @param part only this much of the file; default: all of it */
export async function openRead(
  path: string,
  part?: FilePart,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const file = await Deno.open(path, { read: true });
  if (part === undefined) return readInPieces(file);
  try {
    await file.seek(part.offset, Deno.SeekMode.Start);
  } catch (error) {
    file.close();
    throw error;
  }
  return readInPieces(file, part.sizeBytes);
}

/** Larger than the runtime's own 64 KiB, and one piece ahead: what is read next is there when it is asked for. */
const pieceBytes = 512 * 1024;

function readInPieces(file: Deno.FsFile, maximumBytes = Infinity): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = maximumBytes;
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const piece = new Uint8Array(Math.min(pieceBytes, left));
        const count = left === 0 ? null : await file.read(piece);
        left -= count ?? 0;
        if (count !== null) return controller.enqueue(piece.subarray(0, count));
        file.close();
        controller.close();
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel: () => file.close(),
  });
}

/** Opens a file for writing from its start; what was in it is lost. */
export async function openWrite(path: string, { mode = 0o644 }: WriteOptions = {}): Promise<FileWriter> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true, mode });
  await Deno.chmod(path, mode);
  return { write: (bytes) => writeAll(file, bytes), [Symbol.dispose]: () => file.close() };
}

/** Writes until all bytes are written; Deno's write may take fewer. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** Waits until the file or directory is on the disk: fsync(2). */
export async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

/** What makes a path that of nothing: a file or a circle of links on the way there, too. */
const absences = [Deno.errors.NotFound, Deno.errors.NotADirectory, Deno.errors.FilesystemLoop];

/** @returns undefined when there is no such file */
export async function statOrUndefined(read: () => Promise<Deno.FileInfo>): Promise<FileStatus | undefined> {
  try {
    const info = await read();
    return {
      kind: info.isFile
        ? "file"
        : info.isDirectory
        ? "directory"
        : info.isSymlink
        ? "symlink"
        : info.isBlockDevice
        ? "block"
        : "other",
      sizeBytes: info.size,
      mode: (info.mode ?? 0) & 0o7777,
      uid: info.uid ?? 0,
      gid: info.gid ?? 0,
      modifiedMs: info.mtime?.getTime() ?? 0,
      ...info.ino === null ? {} : { inode: info.ino },
      device: info.dev,
    };
  } catch (error) {
    if (absences.some((absence) => error instanceof absence)) return undefined;
    throw error;
  }
}
