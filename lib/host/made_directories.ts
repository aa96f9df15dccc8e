/** Directories on the way to a file: made when they are needed, removed when nothing needs them any more. */

import type { Host } from "./host.ts";
import type { HostPath } from "./host_path.ts";
import { dropEntry, putEntry } from "./journal.ts";
import { makeOneDirectory, removeDirectoryIfEmpty } from "./journal_store.ts";

/** Creates the directories a path needs, each written to the journal first. */
export async function makeParents(host: Host, path: HostPath): Promise<void> {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    const directory = path.slice(0, end);
    if (await host.tree.exists(directory)) continue;
    await host.journal.update((journal) => putEntry(journal, { kind: "directory", path: directory }));
    await makeOneDirectory(host.system, host.tree, directory, 0o755);
  }
}

/**
 * Removes what we made and no program uses, innermost first; at last the journal, when nothing else is in it. A
 * directory that holds something else stays, and undo reports it when it is all that is left.
 */
export async function removeMadeDirectories({ system, tree, ui, journal }: Host): Promise<void> {
  const { entries } = journal.current;
  const isAllThatIsLeft = entries.every((entry) => entry.kind === "directory");
  for (const entry of entries.toReversed()) {
    if (entry.kind !== "directory") continue;
    const isGone = await removeDirectoryIfEmpty(system, tree, entry.path);
    if (!isGone && isAllThatIsLeft) {
      ui.say(`${entry.path} was created by setup-server, but holds other files now: left there.`);
    }
    if (isGone || isAllThatIsLeft) await journal.update((current) => dropEntry(current, entry));
  }
  await journal.removeIfEmpty();
}
