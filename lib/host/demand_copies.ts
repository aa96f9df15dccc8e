/** Whether all that undo will put back is there. */

import { UserError } from "../errors.ts";
import { describeState, isSameState } from "./file_state.ts";
import type { Host } from "./host.ts";
import { authorOf, backupPath, isStillOurs } from "./journal.ts";

/**
 * Looks for every copy that will be put back, before anything is done. A file that is as it was needs none: that is
 * the way out for a user who has lost one.
 * @throws {UserError} when a copy is gone, or not what was kept
 */
export async function demandCopies(host: Host): Promise<void> {
  const { tree } = host;
  const lost: string[] = [];
  for (const entry of host.journal.current.entries) {
    const files = entry.kind === "file" ? [entry] : entry.kind === "command" ? entry.outputs : [];
    for (const file of files) {
      const { path, original, backup } = file;
      if (backup === undefined || original.kind === "absent") continue;
      const current = await tree.state(path);
      const isPutBack = "kind" in file
        ? authorOf(file, current) === "ours"
        : !isSameState(original, current) && entry.kind === "command" && isStillOurs(entry, file, current);
      if (!isPutBack) continue;
      const copy = await tree.state(backupPath(backup));
      if (isSameState(copy, original)) continue;
      const found = copy.kind === "absent" ? "is gone" : `has changed (${describeState(copy)})`;
      lost.push(`"${tree.prefix}${path}" was ${describeState(original)}; its copy "${backupPath(backup)}" ${found}`);
    }
  }
  if (lost.length === 0) return;
  throw new UserError(`Cannot undo: ${lost.length} copies of originals cannot be put back`, {
    hints: [...lost, 'Nothing was changed. Put the files named here back yourself, then run "undo-setup" again'],
  });
}
