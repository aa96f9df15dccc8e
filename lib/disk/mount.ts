/** Mounting a file system so that not one byte of it changes, its journal included. */

import { DiskError } from "./disk_error.ts";
import type { System } from "../system/system.ts";

/** Nothing on the partition is trusted: no programs, devices or set-uid bits. */
const always = ["ro", "nosuid", "nodev", "noexec"];

/**
 * What a read-only mount needs on top so that the journal is not replayed, by libblkid's name of the file system. The
 * journal belongs to the desktop, which will replay it; until then files may look as they were before the last
 * seconds. Sources: ext4(5), xfs(5), btrfs(5), Documentation/filesystems/f2fs.rst.
 */
const withoutJournal: Readonly<Record<string, readonly string[]>> = {
  ext2: [],
  ext3: ["noload"],
  ext4: ["noload"],
  xfs: ["norecovery"],
  btrfs: ["rescue=nologreplay"],
  f2fs: ["norecovery"],
  vfat: [],
  exfat: [],
  squashfs: [],
};

export function isMountable(fileSystem: string): boolean {
  return Object.hasOwn(withoutJournal, fileSystem);
}

export interface MountRequest {
  readonly device: string;
  /** libblkid's name. */
  readonly fileSystem: string;
  /** An existing directory. */
  readonly directory: string;
  /** Further mount options. */
  readonly options?: readonly string[];
}

/** mount(8). @throws {DiskError} "unsupported" for a file system that is not known to leave its journal alone */
export function mountArguments({ device, fileSystem, directory, options = [] }: MountRequest): readonly string[] {
  const own = withoutJournal[fileSystem];
  if (own === undefined) {
    throw new DiskError("unsupported", `Cannot read "${device}": "${fileSystem}" is not a file system for boot files`);
  }
  const all = [...always, ...own, ...options].join(",");
  return ["mount", "-t", fileSystem, "-o", all, device, directory];
}

/** Mounts read-only; disposing of the result unmounts. Runs `mount`, `umount`. */
export async function mountReadOnly(system: System, request: MountRequest): Promise<AsyncDisposable> {
  await system.run(mountArguments(request), { timeoutMs: 60_000 });
  return {
    // Never lazily: what is still mounted must not be given away.
    [Symbol.asyncDispose]: async () => {
      await system.run(["umount", request.directory], { isCleanup: true, timeoutMs: 60_000 });
    },
  };
}
