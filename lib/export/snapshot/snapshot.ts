/** A snapshot of the disk for one guest: made, watched and removed. */
import { CommandError, UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import { LEND_SNAPSHOT_PATH } from "./needs.ts";
import { parseStoreLevel, type StoreLevel } from "./plan_store.ts";

export interface SnapshotSettings {
  /** Of the kernel's device. */
  readonly name: string;
  /** What it is a snapshot of. */
  readonly disk: string;
  readonly blockSizeBytes: number;
  readonly storeBytes: number;
}

const timeoutMs = 30_000;
/** The kernel tells by itself only that a store is full. */
const lookMs = 5_000;

export function snapshotPath(name: string): string {
  return `/dev/mapper/${name}`;
}

/** @throws {UserError} when the kernel makes none: nothing is left then. Runs `lend-snapshot`. */
export async function makeSnapshot(system: System, settings: SnapshotSettings): Promise<void> {
  const { name, disk, blockSizeBytes, storeBytes } = settings;
  try {
    await system.run([LEND_SNAPSHOT_PATH, "make", name, disk, `${blockSizeBytes}`, `${storeBytes}`], { timeoutMs });
  } catch (error) {
    await removeSnapshot(system, name);
    if (!(error instanceof CommandError)) throw error;
    const why = error.failure.lastLines?.at(-1) ?? error.message;
    throw new UserError(`Try mode is not possible: ${why}`, { cause: error });
  }
}

/** What was written to it is gone. Never rejects. Runs `lend-snapshot`. */
export async function removeSnapshot(system: System, name: string): Promise<void> {
  await system.run([LEND_SNAPSHOT_PATH, "remove", name], { isCleanup: true, timeoutMs }).catch(() => {});
}

/**
 * Tells each change of the level until the store is full or `signal` aborts. Never rejects. Runs `lend-snapshot` and
 * `dmsetup`.
 */
export async function watchStore(
  system: System,
  { name, storeBytes }: Pick<SnapshotSettings, "name" | "storeBytes">,
  { signal, onLevel }: { readonly signal: AbortSignal; readonly onLevel: (level: StoreLevel) => void },
): Promise<void> {
  let level: StoreLevel = { usedBytes: 0, sizeBytes: storeBytes, isFull: false };
  await using waiting = system.spawn([LEND_SNAPSHOT_PATH, "wait", name]);
  let hasTold = false;
  void waiting.exited.then(() => hasTold = true);
  while (!signal.aborted) {
    const output = await system.run(["dmsetup", "status", name], { timeoutMs }).catch(() => undefined);
    const next = parseStoreLevel(output?.stdout.trimEnd() ?? "", level);
    if (next !== undefined && !signal.aborted) {
      level = next;
      onLevel(level);
    }
    if (level.isFull) return;
    const pause = new AbortController();
    const passed = system.delay(lookMs, AbortSignal.any([signal, pause.signal])).catch(() => {});
    await (hasTold ? passed : Promise.race([passed, waiting.exited]));
    pause.abort();
  }
}
