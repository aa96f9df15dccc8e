/**
 * Mounts below a directory: found and released, so that removing the directory never reaches into another file system.
 */
import { UserError } from "../errors.ts";
import type { System } from "./system.ts";

/**
 * Mount points at or below a directory, the innermost first. Pure.
 * @param mountinfo /proc/PID/mountinfo (proc_pid_mountinfo(5)): the fifth field is the mount point, blanks and the
 *   like
 *   in octal
 * @param directory without symlinks
 */
export function findMountsBelow(mountinfo: string, directory: string): readonly string[] {
  return mountinfo.split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((field) => field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toReversed();
}

/**
 * Releases everything mounted at or below a directory. Runs `cat` and, when there is something, `umount`.
 * @throws {UserError} when something stays mounted
 */
export async function releaseMounts(system: System, directory: string): Promise<void> {
  const list = async (): Promise<readonly string[]> => {
    if (await system.lstat(directory) === undefined) return [];
    const { stdout } = await system.run(["cat", "/proc/self/mountinfo"], { isCleanup: true });
    return findMountsBelow(stdout, await system.realPath(directory));
  };
  const mounts = await list();
  if (mounts.length === 0) return;
  for (const path of mounts) {
    // --lazy: out of the tree at once, even when something still holds it open.
    await system.run(["umount", "--lazy", path], { isCleanup: true }).catch(() => {});
  }
  const left = await list();
  if (left.length === 0) return;
  throw new UserError(`"${directory}" cannot be removed: found ${left.length} mounted file systems in it`, {
    hints: [`As root: umount --lazy ${left.map((path) => `"${path}"`).join(" ")}`],
  });
}
