/**
 * One program at a time changes a tree. The lock is on the tree's top directory itself (flock(2)): nothing is written
 * for it, it works on a read-only tree, and it ends with the program that holds it, however that ends.
 */

import { CommandError, UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { Ui } from "../ui.ts";
import type { HostTree } from "./tree.ts";

/** Commands that lock a tree, as they stand in a command line. */
const lockingCommands = ["setup-server", "undo-setup"];

/** @throws {UserError} naming the program that changes the tree already */
export async function lockTree(system: System, ui: Ui, tree: HostTree): Promise<Disposable> {
  const place = tree.prefix === "" ? "/" : tree.prefix;
  const attempt = await tryLock(system, place);
  if (attempt instanceof Error) {
    ui.warn(`Cannot lock "${place}" against a second setup-server or undo-setup: ${attempt.message}`);
    return { [Symbol.dispose]: () => {} };
  }
  if ("lock" in attempt) return attempt.lock;
  throw new UserError(`"${place}" is being changed by ${await describeHolder(system, attempt.holderPid)}`, {
    hints: ["Let that one end, then run this again"],
  });
}

/** A file system that knows no locks (some network file systems) is not a reason to do nothing. */
async function tryLock(
  system: System,
  place: string,
): Promise<Awaited<ReturnType<System["tryLockDirectory"]>> | Error> {
  try {
    return await system.tryLockDirectory(place);
  } catch (error) {
    if (error instanceof Error && "code" in error && ["EBADF", "ENOLCK", "ENOTSUP"].includes(String(error.code))) {
      return error;
    }
    throw error;
  }
}

async function describeHolder(system: System, pid: number | undefined): Promise<string> {
  if (pid === undefined) return "another setup-server or undo-setup";
  try {
    const { stdout } = await system.run(["cat", `/proc/${pid}/cmdline`]);
    const words = stdout.split("\0");
    const command = words.find((word) => lockingCommands.includes(word)) ?? words[0]?.split("/").at(-1);
    return command ? `${command} (process ${pid})` : `process ${pid}`;
  } catch (error) {
    if (error instanceof CommandError) return `process ${pid}`; // it has just ended
    throw error;
  }
}
