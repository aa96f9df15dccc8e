/**
 * What a build leaves that ended without cleaning up (SIGKILL, a loss of power). To be called by the one who holds the cache's
 * lock: then no other build is at work there, however young a directory is.
 */
import { releaseMounts } from "../system/mounts.ts";
import type { System } from "../system/system.ts";

/** Directories of stages and of demo disks that were not finished. */
const unfinishedNames = /^unfinished-|^[a-z-]+-work-[A-Za-z0-9]+$/;

/**
 * Runs `cat`, and when something is left `id`, `rm`, for an ordinary user `unshare`, and `umount` for what is still mounted.
 * @throws {UserError} when something stays mounted; {CommandError} when something cannot be removed
 */
export async function sweepCache(system: System, cacheDirectory: string): Promise<void> {
  const left = (await system.readDirectory(cacheDirectory)).filter((name) => unfinishedNames.test(name));
  if (left.length === 0) return;
  const { stdout: uid } = await system.run(["id", "-u"]);
  // Files of a demo disk's tree belong to others, whom an ordinary user is in a user namespace alone (unshare(1)).
  const asRoot = uid.trim() === "0" ? [] : ["unshare", "--user", "--map-root-user", "--map-auto", "--"];
  for (const name of left) {
    const path = `${cacheDirectory}/${name}`;
    await releaseMounts(system, path);
    await system.remove(path).catch((error) => {
      if (asRoot.length === 0) throw error;
      return system.run([...asRoot, "rm", "-rf", "--one-file-system", path]);
    });
  }
}
