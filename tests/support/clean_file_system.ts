import type { System } from "../../lib/system/system.ts";

/**
 * Whether a file system of the disk was left as one that was unmounted. Reads its superblock with debugfs(8), also
 * while a machine has the disk.
 */
export async function isCleanOnDemoDisk(
  system: System,
  imagePath: string,
  part: { readonly offsetBytes: number },
): Promise<boolean> {
  const { stdout } = await system.run(["debugfs", "-R", "stats -h", `${imagePath}?offset=${part.offsetBytes}`]);
  return /^Filesystem state: +clean$/m.test(stdout) && !/^Filesystem features:.*\bneeds_recovery\b/m.test(stdout);
}
