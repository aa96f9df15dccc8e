/**
 * Putting the image's initrd and the handover together into the one file that kexec takes: in memory, for as long as
 * kexec reads it.
 */
import { UserError } from "../errors.ts";
import { type ArchivePiece, sizeOfPiece } from "../formats/handover.ts";
import type { System } from "../system/system.ts";

export interface JoinedInitrd extends AsyncDisposable {
  readonly path: string;
}

/**
 * Writes the pieces one after the other into a file of mode 0600, which goes when the returned value is disposed of.
 * `dd` copies, as the program itself may read none of the files. Runs `stat`, `dd`; writes below `directory`.
 * @param directory a tmpfs of our own: what desktops start may hold keys, so it must not come onto a disk
 * @throws {UserError} when the directory is no tmpfs, or a file has changed its size; {CommandError}
 */
export async function joinInitrd(
  system: System,
  pieces: readonly ArchivePiece[],
  directory: string,
): Promise<JoinedInitrd> {
  const kind = (await system.run(["stat", "--file-system", "--format=%T", "--", directory], short)).stdout.trim();
  if (kind !== "tmpfs") throw new UserError(`"${directory}" is ${kind}, wanted tmpfs`);
  const path = `${directory}/initrd`;
  const remove = (): Promise<void> => system.remove(path);
  try {
    await system.writeFile(path, "", { mode: 0o600 });
    for (const piece of mergePieces(pieces)) await append(system, piece, path);
    const wantedBytes = pieces.reduce((sum, piece) => sum + sizeOfPiece(piece), 0);
    const copiedBytes = Number((await system.run(["stat", "--format=%s", "--", path], short)).stdout);
    if (copiedBytes !== wantedBytes) {
      throw new UserError(
        `A file changed while it was handed over: ${copiedBytes} bytes copied, wanted ${wantedBytes}`,
      );
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

const short = { timeoutMs: 10_000 } as const;

/** Fewer programs to start: bytes that follow each other become one piece. */
function mergePieces(pieces: readonly ArchivePiece[]): readonly ArchivePiece[] {
  const merged: ArchivePiece[] = [];
  for (const piece of pieces) {
    const last = merged.at(-1);
    if (piece.kind === "file" || last?.kind !== "bytes") merged.push(piece);
    else {
      const bytes = new Uint8Array(last.bytes.length + piece.bytes.length);
      bytes.set(last.bytes);
      bytes.set(piece.bytes, last.bytes.length);
      merged[merged.length - 1] = { kind: "bytes", bytes };
    }
  }
  return merged;
}

async function append(system: System, piece: ArchivePiece, path: string): Promise<void> {
  const from = piece.kind === "file" ? [`if=${piece.path}`, "bs=1M"] : [];
  const argv = ["dd", ...from, `of=${path}`, "oflag=append", "conv=notrunc", "status=none"];
  await system.run(argv, { timeoutMs: 120_000, ...piece.kind === "bytes" ? { stdin: piece.bytes } : {} });
}
