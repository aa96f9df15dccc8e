/** Subvolumes of a btrfs that is mounted from its top (`subvolid=5`). */

import type { System } from "../system/system.ts";

/**
 * btrfs(5), on-disk format: BTRFS_FIRST_FREE_OBJECTID, the inode number of the directory at each subvolume's top. No
 * other directory has it.
 */
const subvolumeInode = 256;

/**
 * Directories that snapper, Timeshift, btrbk and others keep snapshots in: hundreds of copies, none of which is the
 * system in use.
 */
const snapshotDirectories =
  /^(?:\.?snapshots?|timeshift-btrfs|\.?btrbk_?snapshots?|_?btrbk_snap|\.beeshome|\.trash.*)$/i;

/** Levels of plain directories that are looked through: "/distributions/arch/@" has two. */
const maximumLevels = 3;
/** Directory entries that are looked at in all. */
const maximumEntries = 4096;

/**
 * Asks the file system itself: no list of names, and no program. Subvolumes inside of others are not listed, they are
 * directories there.
 * @param top where the file system is mounted
 * @returns paths from the top, like "/@"; in the order of their names
 */
export async function listSubvolumes(system: System, top: string): Promise<readonly string[]> {
  const subvolumes: string[] = [];
  let level = [""];
  let entries = 0;
  for (let depth = 0; depth < maximumLevels && level.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      for (const name of await system.readDirectory(`${top}${directory}`)) {
        if (++entries > maximumEntries) return subvolumes;
        const path = `${directory}/${name}`;
        const status = await system.lstat(`${top}${path}`);
        if (status?.kind !== "directory" || snapshotDirectories.test(name)) continue;
        if (status.inode === subvolumeInode) subvolumes.push(path);
        else next.push(path);
      }
    }
    level = next;
  }
  return subvolumes;
}

/** For people: which subvolumes had no boot files. */
export function describeSubvolumes(subvolumes: readonly string[]): string {
  const shown = subvolumes.slice(0, 8).map((path) => `"${path.slice(1)}"`);
  const more = subvolumes.length > shown.length ? [`${subvolumes.length - shown.length} more`] : [];
  const all = ["its default subvolume", "its top", ...shown, ...more];
  return `btrfs, looked into ${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
