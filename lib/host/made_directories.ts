/** Directories that were made on the way to a file go again when nothing needs them. */

import type { Host } from "./host.ts";
import { dropEntry } from "./journal.ts";
import { removeDirectoryIfEmpty } from "./journal_store.ts";

/**
 * Removes what we made and nobody uses, innermost first; at last the journal, when nothing else is in it. A directory that holds
 * something else stays, and is said when it is all that is left.
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
