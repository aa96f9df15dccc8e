/** Writes a part of the initrd: entries -> cpio archive -> compressed file. Runs `bsdtar` and the compressor. */
import { createHash } from "node:crypto";
import type { Compressor } from "../config/config.ts";
import type { System } from "../system/system.ts";
import { formatMtree } from "./mtree.ts";
import type { StageRecord } from "./stage_record.ts";
import { sumBytes, type TreeEntry } from "./tree_entry.ts";

export interface PartOptions {
  /** Where the part is written. */
  readonly directory: string;
  readonly compressor: Compressor;
  readonly timeSeconds: number;
  readonly signal?: AbortSignal;
}

/** @param entries arranged, as `arrangeEntries` returns them */
export async function writePart(
  system: System,
  entries: readonly TreeEntry[],
  { directory, compressor, timeSeconds, signal }: PartOptions,
): Promise<Required<Pick<StageRecord, "fingerprint" | "part" | "sizeBytes" | "unpackedBytes">>> {
  const list = `${directory}/part.mtree`;
  const archive = `${directory}/part.cpio`;
  const limits = { timeoutMs: 30 * 60_000, ...(signal === undefined ? {} : { signal }) };
  // bsdtar compares what it is told with files of these names in its directory, so that has to be an empty one.
  const nowhere = `${directory}/nowhere`;
  await system.makeDirectory(nowhere);
  await system.writeFile(list, formatMtree(entries, timeSeconds));
  await system.run(["bsdtar", "-c", "--format=newc", "-f", archive, `@${list}`], { cwd: nowhere, ...limits });
  const fingerprint = await hashFile(system, archive);
  const { argv, file } = compressCommand(compressor, "part.cpio");
  if (argv.length > 0) {
    await system.run(argv, { cwd: directory, ...limits });
    await system.remove(archive);
  }
  await system.remove(list);
  await system.remove(nowhere);
  const status = await system.stat(`${directory}/${file}`);
  return { fingerprint, part: file, sizeBytes: status?.sizeBytes ?? 0, unpackedBytes: sumBytes(entries) };
}

/**
 * How a compressor is run on a file. What the kernel can unpack is narrower than what the programs write by default:
 * xz needs CRC32 and no other filters (Documentation/staging/xz.rst), lz4 the legacy frame (lib/decompress_unlz4.c).
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
      return { argv: ["lz4", "-l", ...options, "-q", "-f", name, `${name}.lz4`], file: `${name}.lz4` };
    case "xz":
      return { argv: ["xz", "--check=crc32", ...options, "-k", "-f", name], file: `${name}.xz` };
    case "bzip2":
      return { argv: ["bzip2", ...options, "-k", "-f", name], file: `${name}.bz2` };
    case "gzip":
    case "pigz":
      // Neither name nor time of the file, so that the same content gives the same bytes.
      return { argv: [program, "-n", ...options, "-k", "-f", name], file: `${name}.gz` };
  }
}

/** SHA-256 of a file as hex digits, without holding it in memory. */
export async function hashFile(system: System, path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of await system.openRead(path)) hash.update(piece);
  return hash.digest("hex");
}
