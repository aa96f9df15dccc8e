/** Reads the FAT of a stick: what is reachable from its root, and nothing else. */

import { concatenate } from "../formats/bytes.ts";
import { parseDirectory } from "./directory.ts";
import { blockBytes, clusterOffset, type FatGeometry, fatOffset, firstCluster } from "./geometry.ts";

/** Bytes of a disk or an image, past every cache. */
export type ReadAt = (offset: number, sizeBytes: number) => Promise<Uint8Array>;

export interface StoredFile {
  /** Empty for an empty file. */
  readonly clusters: readonly number[];
  readonly sizeBytes: number;
}

export interface FatState {
  readonly geometry: FatGeometry;
  /** Both FATs as they are on the disk. */
  readonly fats: readonly [Uint32Array, Uint32Array];
  readonly root: Uint8Array;
  /** By path, without a slash at the start. */
  readonly files: ReadonlyMap<string, StoredFile>;
  /** All clusters that a reader can get to. */
  readonly used: ReadonlySet<number>;
}

/** Four bits of an entry belong to no one (specification 1.03, "FAT32 FAT entry"). */
const entryMask = 0x0fff_ffff;
/** From here on an entry is the end of a chain. */
const leastEnd = 0x0fff_fff8;

/** No file or directory of ours is deeper, and none of our directories larger. */
const limits = { depth: 8, directoryClusters: 64 } as const;

/**
 * @throws {RangeError} when a chain of clusters leads out of the file system, to a cluster that is another's, or is
 *   shorter than its file: then this is no file system that we have written
 */
export async function readFat(readAt: ReadAt, geometry: FatGeometry): Promise<FatState> {
  const [first, second] = await Promise.all(
    [0, 1].map(async (copy) => parseFat(await readFatBytes(readAt, geometry, copy))),
  );
  if (first === undefined || second === undefined) throw new TypeError("There are two FATs");
  const used = new Set<number>();
  const files = new Map<string, StoredFile>();
  const follow = (start: number): number[] => {
    const chain: number[] = [];
    for (let cluster = start;;) {
      if (cluster < firstCluster || cluster >= geometry.clusterCount + firstCluster) {
        throw new RangeError(`A chain of clusters leads to ${cluster}, which does not exist`);
      }
      if (used.has(cluster)) throw new RangeError(`Cluster ${cluster} belongs to two files`);
      used.add(cluster);
      chain.push(cluster);
      const next = (first[cluster] ?? 0) & entryMask;
      if (next >= leastEnd) return chain;
      cluster = next;
    }
  };
  const readDirectory = async (start: number): Promise<Uint8Array> => {
    const chain = follow(start);
    if (chain.length > limits.directoryClusters) throw new RangeError("A directory is too large to be ours");
    return concatenate(await Promise.all(chain.map((cluster) => readAt(clusterOffset(geometry, cluster), blockBytes))));
  };
  const visit = async (bytes: Uint8Array, path: string, depth: number): Promise<void> => {
    if (depth > limits.depth) throw new RangeError("Directories are nested too deeply to be ours");
    for (const entry of parseDirectory(bytes)) {
      const entryPath = `${path}${entry.name}`;
      if (entry.kind === "directory") {
        await visit(await readDirectory(entry.cluster), `${entryPath}/`, depth + 1);
        continue;
      }
      const clusters = entry.cluster === 0 ? [] : follow(entry.cluster);
      if (clusters.length !== Math.ceil(entry.sizeBytes / blockBytes)) {
        throw new RangeError(`"${entryPath}" has ${entry.sizeBytes} bytes and ${clusters.length} clusters`);
      }
      files.set(entryPath, { clusters, sizeBytes: entry.sizeBytes });
    }
  };
  const root = await readDirectory(firstCluster);
  await visit(root, "", 0);
  return { geometry, fats: [first, second], root, files, used };
}

/** The content of a file. */
export async function readStored(readAt: ReadAt, geometry: FatGeometry, file: StoredFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let from = 0; from < file.clusters.length;) {
    let to = from + 1;
    while (to < file.clusters.length && file.clusters[to] === (file.clusters[to - 1] ?? 0) + 1) to++;
    parts.push(await readAt(clusterOffset(geometry, file.clusters[from] ?? 0), (to - from) * blockBytes));
    from = to;
  }
  return concatenate(parts).subarray(0, file.sizeBytes);
}

async function readFatBytes(readAt: ReadAt, geometry: FatGeometry, copy: number): Promise<Uint8Array> {
  return await readAt(fatOffset(geometry, copy), geometry.fatBytes);
}

/** Entries are little-endian, which machines that run this are not bound to be. */
function parseFat(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Uint32Array(bytes.length / 4);
  for (let index = 0; index < entries.length; index++) entries[index] = view.getUint32(4 * index, true);
  return entries;
}

/** A file system with nothing in it; its FATs and its root directory are zeros on the disk. */
export function emptyFat(geometry: FatGeometry): FatState {
  const zeros = (): Uint32Array => new Uint32Array(geometry.fatBytes / 4);
  return {
    geometry,
    fats: [zeros(), zeros()],
    root: new Uint8Array(blockBytes),
    files: new Map(),
    used: new Set([firstCluster]),
  };
}
