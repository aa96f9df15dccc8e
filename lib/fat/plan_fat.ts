/**
 * From the FAT as it is to the FAT with other files, as writes of whole blocks. Pure.
 *
 * Nothing that can be reached is ever overwritten: changed files and all directories get clusters that were free, and
 * their chains are written while nothing leads to them. One write then replaces the block with the root directory, and
 * everything below it is new at once. Only after that the old clusters are given back. So after each write of a block
 * the file system is the old one or the new one; what a power cut leaves behind are chains that nothing leads to, and
 * FATs that differ in those: the next change writes over both.
 */

import { sameBytes } from "../formats/bytes.ts";
import { type FatEntry, formatDirectory, formatRootDirectory } from "./directory.ts";
import { blockBytes, clusterOffset, fatOffset, firstCluster } from "./geometry.ts";
import type { FatState } from "./read_fat.ts";

export type NewFile =
  & {
    /** Without a slash at the start. */
    readonly path: string;
  }
  & (
    | {
      readonly bytes: Uint8Array;
      /** The path of a file on the disk that has the same content: its clusters are used again. */
      readonly storedAs?: string;
    }
    /** Its content is not written here. */
    | { readonly sizeBytes: number; readonly storedAs: string }
  );

function sizeOf(file: NewFile): number {
  return "bytes" in file ? file.bytes.length : file.sizeBytes;
}

/** Whole blocks: offset, from the start of the disk, and length are multiples of 4096. */
export interface StickWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Inside a group the order does not matter; between two groups what was written has to be on the disk (fsync). */
export type WriteGroups = readonly (readonly StickWrite[])[];

const endOfChain = 0x0fff_ffff;
/**
 * The first two entries: the media byte of the boot sector, and "cleanly unmounted, no errors" (specification 1.03).
 */
const reservedEntries = [0x0fff_fff8, 0x0fff_ffff] as const;

/**
 * @param files all that the file system has afterwards
 * @returns undefined when the free clusters do not suffice for all that is new beside all that is old
 */
export function planFatChange(
  state: FatState,
  { files, label }: { readonly files: readonly NewFile[]; readonly label: string },
): WriteGroups | undefined {
  const { geometry } = state;
  const allocate = createAllocator(state);
  const chains: number[][] = [];
  const data: StickWrite[] = [];
  const place = (bytes: Uint8Array): number | undefined => {
    const chain = allocate(Math.ceil(bytes.length / blockBytes));
    if (chain === undefined) return undefined;
    chains.push(chain);
    data.push(...writeChain(state, chain, bytes));
    return chain[0] ?? 0;
  };
  const isMissing = Symbol("no room");
  const addFile = (file: NewFile): number => {
    const stored = file.storedAs === undefined ? undefined : state.files.get(file.storedAs);
    if (stored !== undefined && stored.sizeBytes === sizeOf(file)) {
      chains.push([...stored.clusters]);
      return stored.clusters[0] ?? 0;
    }
    if (!("bytes" in file)) throw new TypeError(`"${file.path}" is not on the disk`);
    return place(file.bytes) ?? raise(isMissing);
  };
  const addDirectory = (directory: Directory, parent: number): number => {
    // Its size is known before what is in it has a place.
    const sizeBytes = formatDirectory({ cluster: 0, parent }, listEntries(directory, () => 0, () => 0)).length;
    const chain = allocate(Math.ceil(sizeBytes / blockBytes)) ?? raise(isMissing);
    const cluster = chain[0] ?? 0;
    const entries = listEntries(directory, addFile, (child) => addDirectory(child, cluster));
    chains.push(chain);
    data.push(...writeChain(state, chain, formatDirectory({ cluster, parent }, entries)));
    return cluster;
  };
  let root: Uint8Array;
  try {
    root = formatRootDirectory(label, listEntries(arrange(files), addFile, (child) => addDirectory(child, 0)));
  } catch (error) {
    if (error === isMissing) return undefined;
    throw error;
  }
  if (root.length > blockBytes) throw new RangeError("The root directory does not fit into one block");
  const newRoot = padded(root, blockBytes);
  chains.push([firstCluster]);
  const after = new Uint32Array(geometry.fatBytes / 4);
  after.set(reservedEntries);
  for (const chain of chains) link(after, chain);
  const during = after.slice();
  for (const cluster of state.used) {
    if (after[cluster] === 0) during[cluster] = state.fats[0][cluster] ?? 0;
  }
  const switched = sameBytes(newRoot, state.root)
    ? []
    : [{ offset: clusterOffset(geometry, firstCluster), bytes: newRoot }];
  return [
    data,
    writeFat(state, 0, { from: state.fats[0], to: during }),
    writeFat(state, 1, { from: state.fats[1], to: during }),
    switched,
    writeFat(state, 0, { from: during, to: after }),
    writeFat(state, 1, { from: during, to: after }),
  ].filter((group) => group.length > 0);
}

/** What an update that was cut off has left in the FATs goes; everything that can be reached stays as it is. */
export function planFatRepair(state: FatState): WriteGroups {
  const to = new Uint32Array(state.fats[0].length);
  to.set(reservedEntries);
  for (const cluster of state.used) to[cluster] = state.fats[0][cluster] ?? 0;
  return [0, 1].map((copy) => writeFat(state, copy, { from: state.fats[copy === 0 ? 0 : 1], to }))
    .filter((group) => group.length > 0);
}

function raise(reason: symbol): never {
  throw reason;
}

/** The lowest clusters that nothing leads to: on an empty file system one after the other. */
function createAllocator({ geometry, used }: FatState): (count: number) => number[] | undefined {
  let next = firstCluster;
  const end = geometry.clusterCount + firstCluster;
  return (count) => {
    const chain: number[] = [];
    for (; chain.length < count && next < end; next++) {
      if (!used.has(next)) chain.push(next);
    }
    return chain.length === count ? chain : undefined;
  };
}

/** Clusters that lie side by side are one write. */
function writeChain({ geometry }: FatState, chain: readonly number[], bytes: Uint8Array): StickWrite[] {
  const writes: StickWrite[] = [];
  for (let from = 0; from < chain.length;) {
    let to = from + 1;
    while (to < chain.length && chain[to] === (chain[to - 1] ?? 0) + 1) to++;
    const part = bytes.subarray(from * blockBytes, to * blockBytes);
    writes.push({ offset: clusterOffset(geometry, chain[from] ?? 0), bytes: padded(part, (to - from) * blockBytes) });
    from = to;
  }
  return writes;
}

function link(fat: Uint32Array, chain: readonly number[]): void {
  chain.forEach((cluster, index) => fat[cluster] = chain[index + 1] ?? endOfChain);
}

/** The blocks of one FAT that differ. */
function writeFat(
  { geometry }: FatState,
  copy: number,
  { from, to }: { readonly from: Uint32Array; readonly to: Uint32Array },
): StickWrite[] {
  const perBlock = blockBytes / 4;
  const writes: StickWrite[] = [];
  for (let start = 0; start < to.length; start += perBlock) {
    const part = to.subarray(start, start + perBlock);
    if (sameBytes(part, from.subarray(start, start + part.length))) continue;
    const bytes = new Uint8Array(blockBytes);
    const view = new DataView(bytes.buffer);
    part.forEach((value, index) => view.setUint32(4 * index, value, true));
    writes.push({ offset: fatOffset(geometry, copy) + start * 4, bytes });
  }
  return writes;
}

/** What is in a directory, by name. */
type Directory = Map<string, NewFile | Directory>;

function arrange(files: readonly NewFile[]): Directory {
  const root: Directory = new Map();
  for (const file of files) {
    const names = file.path.split("/");
    const last = names.pop() ?? "";
    let directory = root;
    for (const name of names) {
      const child = directory.get(name) ?? new Map();
      if (!(child instanceof Map)) throw new TypeError(`"${file.path}" lies in a file`);
      directory.set(name, child);
      directory = child;
    }
    if (directory.has(last)) throw new TypeError(`"${file.path}" stands twice`);
    directory.set(last, file);
  }
  return root;
}

function listEntries(
  directory: Directory,
  addFile: (file: NewFile) => number,
  addDirectory: (child: Directory) => number,
): FatEntry[] {
  return [...directory].map(([name, child]) =>
    child instanceof Map
      ? { name, kind: "directory", cluster: addDirectory(child), sizeBytes: 0 }
      : { name, kind: "file", cluster: addFile(child), sizeBytes: sizeOf(child) }
  );
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}
