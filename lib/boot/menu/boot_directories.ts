/** Directories of a partition that can be /boot. */

import { findMountOf, subvolumeOf } from "../../formats/mount_tables.ts";
import type { BootFiles } from "./entry.ts";

/** A system with snapshots may have thousands of subvolumes; the ones in use are found before these many. */
const maximumSubvolumes = 64;

/**
 * Root subvolumes that installers of Arch, Debian and Fedora make on btrfs: for a copy of such a file system, which
 * cannot be asked.
 */
const usualSubvolumes = ["/@", "/@rootfs", "/root"] as const;

/**
 * A boot partition of its own, a root partition, and, seen from the top of a btrfs, its subvolumes: each may be /boot
 * itself or the root that has it. Those in use come before snapshots and copies of them: a root that is in use is the
 * one that its own fstab names.
 * @param subvolumes what btrfs itself names; undefined where it was not asked
 */
export async function listBootDirectories(
  files: BootFiles,
  subvolumes?: readonly string[],
): Promise<readonly string[]> {
  const tops = subvolumes ?? [...usualSubvolumes, ...await listAtTop(files)];
  const ranked: { readonly directory: string; readonly rank: number }[] = [];
  for (const top of [...new Set(tops)].toSorted(compareNames).slice(0, maximumSubvolumes)) {
    const { rank, boot } = await readUse(files, top);
    // What is below a mount point may be left over from before.
    ranked.push(...boot === undefined ? [] : [{ directory: boot, rank }], { directory: `${top}/boot`, rank });
    // What has a root of its own is not /boot, whatever else is in it.
    ranked.push({ directory: top, rank: rank + 3 });
  }
  const possible = ["", "/boot", ...ranked.toSorted((a, b) => a.rank - b.rank).map(({ directory }) => directory)];
  const directories: string[] = [];
  for (const directory of new Set(possible)) {
    if (directory === "" || await files.exists(directory)) directories.push(directory);
  }
  return directories;
}

/**
 * "@" in front is the habit of all who name subvolumes; other directories at the top of a root partition are no /boot.
 */
async function listAtTop(files: BootFiles): Promise<readonly string[]> {
  return (await files.list("/")).filter((name) => name.startsWith("@")).map((name) => `/${name}`);
}

/** The usual names first, then short ones: copies get something added. */
function compareNames(a: string, b: string): number {
  const usual = (name: string): number => (usualSubvolumes as readonly string[]).includes(name) ? 0 : 1;
  return usual(a) - usual(b) || a.length - b.length || (a < b ? -1 : 1);
}

/**
 * @returns rank 0 for a root in use, 1 where nothing tells, 2 for a copy of one; and the subvolume that is its /boot
 */
async function readUse(files: BootFiles, top: string): Promise<{ readonly rank: number; readonly boot?: string }> {
  const path = `${top}/etc/fstab`;
  if (!await files.exists(path)) return { rank: 1 };
  const fstab = await files.readText(path).catch(() => "");
  const subvolumeAt = (mountPoint: string): string | undefined =>
    subvolumeOf(findMountOf(mountPoint, fstab) ?? { options: "" });
  const root = subvolumeAt("/");
  const boot = subvolumeAt("/boot");
  const rank = root === undefined ? 1 : root === top ? 0 : 2;
  return { rank, ...boot === undefined || rank === 2 ? {} : { boot } };
}
