/** What was written through an export reaches the disk. */
import type { System } from "../system/system.ts";

/**
 * fsync(2) on the disk: what the client did not flush any more leaves the disk's write cache before anybody reboots.
 * Runs `sync`.
 */
export async function syncDisk(system: System, disk: string): Promise<void> {
  await system.run(["sync", disk], { isCleanup: true, timeoutMs: 120_000 }).catch(() => {});
}
