/**
 * What a build leaves that ended without cleaning up (SIGKILL, a loss of power). To be called by the one who holds the
 * cache's lock: then no other build is at work there, however young a directory is.
 */
import { removeBootstrapPlace } from "../debian/bootstrap_place.ts";
import { releaseMounts } from "../system/mounts.ts";
import { removeTree } from "../system/subordinate_ids.ts";
import type { System } from "../system/system.ts";

/** Directories of stages and of demo disks that were not finished. */
const unfinishedNames = /^unfinished-|^[a-z-]+-work-[A-Za-z0-9]+$/;

/**
 * Runs `cat`, and when something is left `id`, `rm`, for an ordinary user `unshare`, and `umount` for what is still
 * mounted.
 * @throws {UserError} when something stays mounted; {CommandError} when something cannot be removed
 */
export async function sweepCache(system: System, cacheDirectory: string): Promise<void> {
  const left = (await system.readDirectory(cacheDirectory)).filter((name) => unfinishedNames.test(name));
  if (left.length === 0) return;
  for (const name of left) {
    const path = `${cacheDirectory}/${name}`;
    await releaseMounts(system, path);
    await removeBootstrapPlace(system, path);
    // Files of a demo disk's tree belong to others than the user.
    await removeTree(system, path);
  }
}
