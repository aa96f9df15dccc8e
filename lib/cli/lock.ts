/** Two commands at a time must not work in the same directory: locks that end with the process that holds them. */

import { UserError } from "../errors.ts";
import { demandWritable, type Folder } from "../file_access.ts";
import { sweepCache } from "../image/sweep_cache.ts";
import type { System } from "../system/system.ts";
import { showStep, type Ui } from "../ui.ts";

export interface LockRequest {
  /** Made when it is missing. */
  readonly directory: string;
  /** Which of several locks in the directory. Default "lock". */
  readonly name?: string;
  /** The command that wants it, for those who find it taken: "demo". */
  readonly holder: string;
}

/** @throws {UserError} naming the command that has it, when another one has */
export async function lockDirectory(system: System, request: LockRequest): Promise<Disposable> {
  await demandWritable(system, { what: "The folder of the results", path: request.directory, option: "--out-dir" });
  const lock = await tryLock(system, request);
  if (lock !== undefined) return lock;
  throw new UserError(`"${request.directory}" is in use by ${await readHolder(system, request)}`, {
    hints: ['Wait until that has ended, or name another directory with "--out-dir"'],
  });
}

/** A build takes minutes; one that takes longer than this hangs. */
const waitLimitMs = 60 * 60_000;

/** Waits for its turn. @throws {UserError} when that does not come */
async function awaitLock(system: System, ui: Ui, request: LockRequest): Promise<Disposable> {
  const first = await tryLock(system, request);
  if (first !== undefined) return first;
  return await showStep(ui.progress(`Waiting for ${await readHolder(system, request)}`), async () => {
    for (const startMs = system.monotonicMs(); system.monotonicMs() - startMs < waitLimitMs;) {
      await system.delay(500);
      const lock = await tryLock(system, request);
      if (lock !== undefined) return lock;
    }
    throw new UserError(`"${request.directory}" is still in use by ${await readHolder(system, request)}`);
  });
}

/** Results in it may hold the key. */
export function cacheFolderAt(path: string): Folder {
  return { what: "The cache folder", path, option: "--cache-dir", mode: 0o700 };
}

/**
 * One build at a time in a cache: a second one finds what the first has made, and removes what a killed one has left.
 */
export async function lockCache(system: System, ui: Ui, cacheDirectory: string): Promise<Disposable> {
  await demandWritable(system, cacheFolderAt(cacheDirectory));
  const lock = await awaitLock(system, ui, { directory: cacheDirectory, holder: "a build" });
  try {
    await sweepCache(system, cacheDirectory);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

const lockPath = ({ directory, name = "lock" }: LockRequest): string => `${directory}/${name}`;

async function tryLock(system: System, request: LockRequest): Promise<Disposable | undefined> {
  await system.makeDirectory(request.directory);
  return await system.tryLock(lockPath(request), request.holder);
}

async function readHolder(system: System, request: LockRequest): Promise<string> {
  return (await system.readText(lockPath(request))).trim() || "another command";
}
