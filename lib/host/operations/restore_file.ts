/** Undoes what was done to a file: it becomes what it was before setup-server. */

import { describeChange, type Side } from "../diff.ts";
import type { FileState } from "../file_state.ts";
import type { Host } from "../host.ts";
import { backupPath, dropEntry, type FileEntry, markNeeded } from "../journal.ts";
import { demandState, putBack, temporaryName } from "../replace_file.ts";
import type { UndoAction, UndoKind } from "../undo_action.ts";
import { readSide } from "./change_file.ts";

type RestoreFile = Extract<UndoAction, { kind: "restore-file" }>;

export const restoreFile: UndoKind<RestoreFile> = {
  kind: "restore-file",
  propose: async (host, { entry, current }) => {
    const isNew = entry.original.kind === "absent";
    return {
      what: `${isNew ? "remove" : "restore"} ${entry.path}`,
      why: isNew ? "setup-server created it" : "As it was before setup-server",
      effect: "",
      change: await describeRestore(host, entry, current),
    };
  },
  perform: async (host, { entry, current }) => {
    await demandState(host, entry.path, current);
    // The commands first: a run that ends after the file is back still knows that they have to be repeated.
    await host.journal.update((journal) => markNeeded(journal, entry.path));
    await putBack(host, entry, current);
    await finishFile(host, entry);
  },
};

/** What restoring a file would change. */
export async function describeRestore(host: Host, entry: FileEntry, current: FileState): Promise<readonly string[]> {
  const { isSecret } = entry;
  const original: Side = isSecret || entry.backup === undefined
    ? { state: entry.original, text: undefined }
    : { ...await readSide(host, backupPath(entry.backup), entry.original), state: entry.original };
  return describeChange({
    path: entry.path,
    before: isSecret || current.kind === "other"
      ? { state: current, text: undefined }
      : await readSide(host, entry.path, current),
    after: original,
    isSecret,
  });
}

/** The file is as it was: what a run that was cut off left beside it goes, and so does the entry. */
export async function finishFile(host: Host, entry: FileEntry): Promise<void> {
  await host.system.remove(temporaryName(await host.tree.locate(entry.path)));
  await host.journal.update((journal) => dropEntry(journal, entry));
}

/** What a user does about a file that undo leaves alone. */
export function describeOwnWay({ tree }: Pick<Host, "tree">, entry: FileEntry): string {
  const original = entry.backup === undefined
    ? `remove ${tree.prefix}${entry.path}`
    : `restore it from ${tree.prefix}${backupPath(entry.backup)}`;
  return `${original} yourself, then run "undo-setup" again`;
}
