/** Directories of a partition that can be /boot. */

import type { BootFiles } from "./entry.ts";

/** A system with snapshots may have thousands of subvolumes; the ones in use are near the top. */
const maximumSubvolumes = 64;

/** Root subvolumes that installers of Arch, Debian and Fedora make on btrfs: for a copy of such a file system, which cannot be asked. */
const usualSubvolumes = ["/@", "/@rootfs", "/root"] as const;

/**
 * A boot partition of its own, a root partition, and, seen from the top of a btrfs, its subvolumes: each may be /boot itself or the root that
 * has it. A root file system's /boot is preferred where it has something in it.
 * @param subvolumes what btrfs itself names, the likeliest first; undefined where it was not asked
 */
export async function listBootDirectories(
  files: BootFiles,
  subvolumes?: readonly string[],
): Promise<readonly string[]> {
  const tops = subvolumes?.slice(0, maximumSubvolumes) ?? [...usualSubvolumes, ...await listAtTop(files)];
  const possible = ["", "/boot", ...tops.map((top) => `${top}/boot`), ...tops];
  const found: string[] = [];
  for (const directory of new Set(possible)) {
    if (directory === "" || await files.exists(directory)) found.push(directory);
  }
  return found;
}

/** "@" in front is the habit of all who name subvolumes; other directories at the top of a root partition are no /boot. */
async function listAtTop(files: BootFiles): Promise<readonly string[]> {
  return (await files.list("/")).filter((name) => name.startsWith("@")).slice(0, maximumSubvolumes).map((name) =>
    `/${name}`
  );
}
