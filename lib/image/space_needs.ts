/** How much space a build takes, and whether it is there. Pure; measured figures are rounded up. */
import { formatBytes } from "../format_bytes.ts";
import type { StageName } from "./stage.ts";

const megabyte = 1_000_000;

/**
 * The most that was seen while an image with firmware was built from trixie (kernel 6.12.117, Deno 2.9.6, November
 * 2026; `du` three times a second): 660 MB in the cache while Debian's packages are unpacked, of which 320 MB stay;
 * 160 MB in all other stages; 178 MB in the folder of the results, and while these are replaced as much as one of them
 * more (Deno, 96 MB).
 */
const unpackingBytes = 700 * megabyte;
const keptTreeBytes = 350 * megabyte;
const stageBytes: Readonly<Partial<Record<StageName, number>>> = {
  // 100 MB of packages, and 154 MB of files until these are removed.
  tools: 260 * megabyte,
  trim: 20 * megabyte,
  drivers: 30 * megabyte,
  runtime: 40 * megabyte,
  pack: 95 * megabyte,
};
const resultBytes = 280 * megabyte;
/** Two compiled programs of 83 MB, and what they have in common (`deno compile`, Deno 2.9.6). */
const compiledBytes = 330 * megabyte;
/** Not measured for every driver: gcc and the kernel's headers, as apt says, with room for objects. */
const compilerBytes = 1_500 * megabyte;

export interface SpaceNeed {
  /** An absolute path; it may be the same for several. */
  readonly path: string;
  readonly bytes: number;
}

export interface BuildWork {
  /** Stages that will be made. */
  readonly missing: readonly StageName[];
  readonly mode: "root" | "unshare";
  readonly agentForm: "compile" | "bundle";
  readonly cacheDirectory: string;
  /** Absent: no results are published. */
  readonly outDirectory?: string;
}

/** Where an ordinary user's mmdebstrap works: others than the user cannot look into the cache. */
const temporaryDirectory = "/tmp";

export function listSpaceNeeds(work: BuildWork): readonly SpaceNeed[] {
  const { missing, mode, cacheDirectory } = work;
  const isUser = mode === "unshare";
  const cache = missing.reduce((sum, name) => sum + (stageBytes[name] ?? 0), 0) +
    (work.agentForm === "compile" && (missing.includes("runtime") || missing.includes("agents")) ? compiledBytes : 0) +
    (!missing.includes("base") ? 0 : isUser ? 2 * keptTreeBytes : unpackingBytes) +
    (!missing.includes("compile") || isUser ? 0 : compilerBytes);
  const temporary = !isUser
    ? 0
    : Math.max(missing.includes("base") ? unpackingBytes : 0, missing.includes("compile") ? compilerBytes : 0);
  return [
    { path: cacheDirectory, bytes: cache },
    { path: temporaryDirectory, bytes: temporary },
    ...work.outDirectory === undefined ? [] : [{ path: work.outDirectory, bytes: resultBytes }],
  ].filter(({ bytes }) => bytes > 0);
}

/** One file system, as a path on it is seen. */
export interface FreeSpace {
  readonly path: string;
  readonly mountPoint: string;
  readonly freeBytes: number;
}

export interface SpaceShortage {
  readonly paths: readonly string[];
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** @returns file systems on which all needs together do not fit */
export function findShortages(needs: readonly SpaceNeed[], free: readonly FreeSpace[]): readonly SpaceShortage[] {
  const measured = needs.flatMap((need) => {
    const space = free.find(({ path }) => path === need.path);
    return space === undefined ? [] : [{ ...need, ...space }];
  });
  return [...Map.groupBy(measured, ({ mountPoint }) => mountPoint).values()].flatMap((parts) => {
    const neededBytes = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const freeBytes = Math.min(...parts.map((part) => part.freeBytes));
    return freeBytes >= neededBytes ? [] : [{ paths: parts.map(({ path }) => path), neededBytes, freeBytes }];
  });
}

export function describeShortage({ paths, neededBytes, freeBytes }: SpaceShortage): string {
  return `${paths.map((path) => `"${path}"`).join(" and ")}: found ${formatBytes(freeBytes)} free, ` +
    `wanted ${formatBytes(neededBytes)}`;
}

/** Reads `df --block-size=1 --output=avail,target`, one line a path (coreutils). */
export function parseFreeSpace(output: string, paths: readonly string[]): readonly FreeSpace[] {
  const lines = output.trim().split("\n").slice(1);
  return paths.flatMap((path, index) => {
    const [, bytes, mountPoint] = /^\s*(\d+)\s+(.+)$/.exec(lines[index] ?? "") ?? [];
    return bytes === undefined || mountPoint === undefined ? [] : [{ path, mountPoint, freeBytes: Number(bytes) }];
  });
}
