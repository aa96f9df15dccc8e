/**
 * Files that belong to the subordinate ids of an ordinary user (subuid(5)): what mmdebstrap and tar unpack in a user
 * namespace. Only from within such a namespace can they be removed.
 */
import type { System } from "./system.ts";

/**
 * Words before a program that works as root: none as root, else a user namespace with all of the user's ids
 * (unshare(1)). Runs `id`.
 */
export async function rootPrefix(system: System): Promise<readonly string[]> {
  const { stdout } = await system.run(["id", "-u"], { isCleanup: true });
  return stdout.trim() === "0" ? [] : ["unshare", "--user", "--map-root-user", "--map-auto", "--"];
}

/**
 * Removes a file or directory with all it holds, whichever of the user's ids it belongs to. Nothing there is fine. It
 * is done also after a Ctrl-C. Runs `id`, `unshare`, `rm`.
 * @throws {CommandError} when something cannot be removed
 */
export async function removeTree(system: System, path: string): Promise<void> {
  const prefix = await rootPrefix(system);
  await system.remove(path).catch((error) => {
    if (prefix.length === 0) throw error;
    return system.run([...prefix, "rm", "-rf", "--one-file-system", path], { isCleanup: true });
  });
}
