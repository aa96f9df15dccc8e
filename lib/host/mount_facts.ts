/** Whether setting up can write where it has to. */

import { quoteCommand } from "../errors.ts";
import { findMountOf } from "../formats/mount_tables.ts";
import type { System } from "../system/system.ts";
import type { HostPath } from "./host_path.ts";
import type { HostTree } from "./tree.ts";

/**
 * A directory on a file system that is mounted read-only, and where that is mounted; real paths, as a person types
 * them.
 */
export interface ReadOnlyPlace {
  readonly path: string;
  readonly mountPoint: string;
}

export interface MountFacts {
  /** Of the directories that setting up writes below, those that are read-only (Fedora Silverblue: /usr). */
  readonly readOnly: readonly ReadOnlyPlace[];
  /**
   * /boot is a line of /etc/fstab, but not mounted (usual in Gentoo): what is written there would lie below the mount
   * point.
   */
  readonly isBootUnmounted: boolean;
}

const written: readonly HostPath[] = ["/usr", "/etc", "/boot", "/var"];

/** Runs `findmnt` (findmnt(8)). */
export async function gatherMountFacts(system: System, tree: HostTree): Promise<MountFacts> {
  const find = async (argv: readonly string[]): Promise<{ readonly exitCode: number; readonly stdout: string }> =>
    await system.run(["findmnt", "--noheadings", ...argv], { acceptExitCodes: [0, 1], timeoutMs: 30_000 });
  const readOnly: ReadOnlyPlace[] = [];
  for (const path of written) {
    if (!await tree.exists(path)) continue;
    // Of mounts on one place the last one counts.
    const { stdout } = await find(["--output", "OPTIONS,TARGET", "--target", await tree.locate(path)]);
    const [, options = "", mountPoint = ""] = /^(\S+)(?:\s+(\/.*))?$/.exec(stdout.trim().split("\n").at(-1) ?? "") ??
      [];
    const place = `${tree.prefix}${path}`;
    if (options.split(",").includes("ro")) readOnly.push({ path: place, mountPoint: mountPoint || place });
  }
  const inFstab = findMountOf("/boot", await tree.readText("/etc/fstab")) !== undefined;
  const isBootUnmounted = tree.isRunning && inFstab && (await find(["--mountpoint", "/boot"])).exitCode !== 0;
  return { readOnly, isBootUnmounted };
}

/** Why setting up cannot write where it has to, and the cure; undefined when it can. */
export function findMountProblem({ readOnly, isBootUnmounted }: MountFacts):
  | { readonly found: string; readonly cure: string }
  | undefined {
  if (isBootUnmounted) return { found: "/boot is not mounted", cure: "Mount it: mount /boot" };
  const [first] = readOnly;
  if (first === undefined) return undefined;
  const paths = readOnly.map(({ path }) => path).join(", ");
  // An image-based system has /usr alone read-only; with /etc on the same file system the user mounted the whole so.
  const isImageBased = readOnly.some(({ path }) => path.endsWith("/usr")) &&
    !readOnly.some(({ path }) => path.endsWith("/etc"));
  return {
    found: `${paths} ${readOnly.length === 1 ? "is" : "are"} mounted read-only`,
    cure: isImageBased
      ? "Systems with a read-only /usr (Fedora Silverblue, openSUSE MicroOS, NixOS) cannot be set up yet"
      : `Mount it writable: ${quoteCommand(["mount", "-o", "remount,rw", first.mountPoint])}`,
  };
}
