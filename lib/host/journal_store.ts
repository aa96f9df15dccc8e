/** The journal on the host: read once, written at every change, with the copies of originals beside it. */

import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import {
  backupDirectory,
  backupPath,
  emptyJournal,
  formatJournal,
  type Journal,
  journalPath,
  reserveBackup,
  stateDirectory,
} from "./journal.ts";
import type { HostPath } from "./host_path.ts";
import { readJournal } from "./read_journal.ts";
import type { HostTree } from "./tree.ts";

export interface JournalStore {
  readonly current: Journal;
  /** Changes the journal and writes it; the state directory comes into being with the first change. */
  update(change: (journal: Journal) => Journal): Promise<void>;
  /** Keeps an exact copy of a file or symlink. @returns its number */
  keep(path: HostPath): Promise<number>;
  /** Removes the state directory and what was made for it, when there is no entry left. */
  removeIfEmpty(): Promise<void>;
}

/** @throws {UserError} when there is a journal that cannot be used */
export async function openJournalStore(system: System, tree: HostTree): Promise<JournalStore> {
  const reading = await readJournal(system, tree);
  let written = reading.text;
  let current = reading.journal;

  async function write(next: Journal): Promise<void> {
    const before = await tree.readText(journalPath);
    if (before !== written) {
      throw new UserError(`The journal "${journalPath}" was changed by another program meanwhile`, {
        hints: ["Let the other setup-server or undo-setup end, then run this one again"],
      });
    }
    const text = formatJournal(next);
    if (text === before) return;
    await system.writeFile(await tree.locate(journalPath), text, { mode: 0o600 });
    await system.sync(await tree.locate(stateDirectory));
    written = text;
    current = next;
  }

  async function makeStateDirectory(): Promise<void> {
    const made: HostPath[] = [];
    for (
      const [path, mode] of [["/var", 0o755], ["/var/lib", 0o755], [stateDirectory, 0o700], [
        backupDirectory,
        0o700,
      ]] as const
    ) {
      if (await tree.exists(path)) continue;
      await makeOneDirectory(system, tree, path, mode);
      made.push(path);
    }
    if (made.length > 0) current = { ...current, stateDirectories: [...current.stateDirectories, ...made] };
  }

  return {
    get current() {
      return current;
    },
    update: async (change) => {
      await makeStateDirectory();
      await write(change(current));
    },
    keep: async (path) => {
      await makeStateDirectory();
      const { journal, backup } = reserveBackup(current);
      await write(journal);
      const copy = await tree.locate(backupPath(backup));
      await system.remove(copy); // of a run that ended before it could write the number down
      await system.copyExactly(await tree.locate(path), copy);
      return backup;
    },
    removeIfEmpty: async () => {
      if (current.entries.length > 0) return;
      const place = await tree.locate(stateDirectory);
      if (await system.lstat(place) === undefined) return;
      await system.remove(await tree.locate(backupDirectory));
      // The journal, and what a run that was killed while writing it left.
      for (const name of await system.readDirectory(place)) {
        if (name.startsWith("journal.json")) await system.removeOne(`${place}/${name}`);
      }
      written = undefined;
      for (const path of [...new Set([...current.stateDirectories, stateDirectory])].reverse()) {
        await removeDirectoryIfEmpty(system, tree, path);
      }
      current = emptyJournal;
    },
  };
}

/** A new directory with exactly this mode, owned as the tree is. */
export async function makeOneDirectory(system: System, tree: HostTree, path: HostPath, mode: number): Promise<void> {
  const place = await tree.locate(path);
  await system.makeDirectory(place, { mode });
  await system.chmod(place, mode); // the umask took bits away
  const status = await system.lstat(place);
  const { uid, gid } = tree.owner;
  if (status !== undefined && (status.uid !== uid || status.gid !== gid)) await system.chown(place, tree.owner);
}

/** @returns whether the directory is gone */
export async function removeDirectoryIfEmpty(system: System, tree: HostTree, path: HostPath): Promise<boolean> {
  const place = await tree.locate(path);
  const status = await system.lstat(place);
  if (status === undefined) return true;
  if (status.kind !== "directory" || (await system.readDirectory(place)).length > 0) return false;
  await system.removeOne(place);
  return true;
}
