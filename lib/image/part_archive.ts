/** Writes a part of the initrd: entries -> cpio archive -> compressed file. Runs the compressor. */
import { encodeUtf8 } from "../formats/text.ts";
import { createHash, type Hash } from "node:crypto";
import type { Compressor } from "../config/config.ts";
import { cpioPaddingBytes, formatCpioHeader, formatCpioTrailer } from "../formats/cpio.ts";
import type { System } from "../system/system.ts";
import type { StageRecord } from "./stage_record.ts";
import { sumBytes, type TreeEntry } from "./tree_entry.ts";

const collectedBytes = 256 * 1024;

export interface PartOptions {
  /** Where the part is written. */
  readonly directory: string;
  readonly compressor: Compressor;
  readonly signal?: AbortSignal;
}

/** @param entries arranged, as `arrangeEntries` returns them */
export async function writePart(
  system: System,
  entries: readonly TreeEntry[],
  { directory, compressor, signal }: PartOptions,
): Promise<Required<Pick<StageRecord, "fingerprint" | "part" | "sizeBytes" | "unpackedBytes">>> {
  const archive = `${directory}/part.cpio`;
  const hash = createHash("sha256");
  await system.writeStream(archive, ReadableStream.from(collect(writeArchive(system, entries), { hash, signal })));
  const { argv, file } = compressCommand(compressor, "part.cpio");
  if (argv.length > 0) {
    await system.run(argv, { cwd: directory, timeoutMs: 60 * 60_000, ...(signal === undefined ? {} : { signal }) });
    await system.remove(archive);
  }
  const { sizeBytes = 0 } = await system.stat(`${directory}/${file}`) ?? {};
  return { fingerprint: hash.digest("hex"), part: file, sizeBytes, unpackedBytes: sumBytes(entries) };
}

/**
 * A cpio archive that depends on nothing but names, modes and content.
 * @throws {TypeError} when a file's length is not what its entry says
 */
async function* writeArchive(system: System, entries: readonly TreeEntry[]): AsyncGenerator<Uint8Array> {
  let inode = 0;
  for (const entry of entries) {
    inode += 1;
    switch (entry.kind) {
      case "directory":
        yield formatCpioHeader({ ...entry, dataBytes: 0, inode });
        break;
      case "symlink": {
        const target = encodeUtf8(entry.target);
        yield formatCpioHeader({ ...entry, mode: 0o777, dataBytes: target.length, inode });
        yield target;
        yield new Uint8Array(cpioPaddingBytes(target.length));
        break;
      }
      case "file": {
        yield formatCpioHeader({ ...entry, dataBytes: entry.sizeBytes, inode });
        let length = 0;
        for await (const piece of await system.openRead(entry.source)) {
          length += piece.length;
          yield piece;
        }
        if (length !== entry.sizeBytes) throw new TypeError(`The file changed while it was read: ${entry.source}`);
        yield new Uint8Array(cpioPaddingBytes(length));
        break;
      }
    }
  }
  yield formatCpioTrailer();
}

/** Collects small pieces into large ones, which are written faster, and hashes them on the way. */
async function* collect(
  pieces: AsyncIterable<Uint8Array>,
  { hash, signal }: { readonly hash: Hash; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(collectedBytes);
  let filled = 0;
  for await (const piece of pieces) {
    for (let rest = piece; rest.length > 0;) {
      const part = rest.subarray(0, collectedBytes - filled);
      buffer.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled < collectedBytes) continue;
      signal?.throwIfAborted();
      hash.update(buffer);
      yield buffer;
      buffer = new Uint8Array(collectedBytes);
      filled = 0;
    }
  }
  hash.update(buffer.subarray(0, filled));
  yield buffer.subarray(0, filled);
}

/**
 * How a compressor is run on a file. Options the kernel's unpackers need are part of the configuration's value already
 * (lib/config/compressor.ts).
 */
export function compressCommand(
  { program, arguments: options }: Compressor,
  name: string,
): { readonly argv: readonly string[]; readonly file: string } {
  switch (program) {
    case "cat":
      return { argv: [], file: name };
    case "zstd":
      return { argv: ["zstd", ...options, "-q", "-f", name, "-o", `${name}.zst`], file: `${name}.zst` };
    case "lz4":
      return { argv: ["lz4", ...options, "-q", "-f", name, `${name}.lz4`], file: `${name}.lz4` };
    case "xz":
      return { argv: ["xz", ...options, "-k", "-f", name], file: `${name}.xz` };
    case "bzip2":
      return { argv: ["bzip2", ...options, "-k", "-f", name], file: `${name}.bz2` };
    case "gzip":
    case "pigz":
      // Neither name nor time of the file, so that the same content gives the same bytes.
      return { argv: [program, ...options, "-n", "-k", "-f", name], file: `${name}.gz` };
  }
}
