/** What writing and removing a file have in common: how the change is shown, and how the journal learns of it. */

import { UserError } from "../../errors.ts";
import { decodeText, describeChange, maximumDiffBytes, type Side } from "../diff.ts";
import { type FileState, isSameState } from "../file_state.ts";
import type { Host } from "../host.ts";
import type { HostPath } from "../host_path.ts";
import { authorOf, dropEntry, findFile, type Journal, markNeeded, putEntry } from "../journal.ts";
import type { Described, Inspection } from "../operation.ts";
import { ChangedMeanwhile, demandState } from "../replace_file.ts";

interface FileOperation extends Described {
  readonly path: HostPath;
}

/** What the file will be, and whether its content may be shown. */
interface Target {
  readonly after: FileState;
  readonly isSecret: boolean;
  /** The new text, read only when it is shown. */
  readonly readText: () => Promise<string | undefined>;
}

/** @throws {UserError} when something that is no file is in the way */
export async function inspectFile(host: Host, operation: FileOperation, target: Target): Promise<Inspection> {
  const { path } = operation;
  const before = await host.tree.state(path);
  if (before.kind === "other") throw inTheWay(operation);
  const { after } = target;
  const status = isSameState(before, after) ? "unchanged" : before.kind === "absent" ? "new" : "changed";
  if (status === "unchanged") return { status, before, after, change: [], isForeign: false };
  const entry = findFile(host.journal.current, path);
  // What an earlier run wrote may have been secret, too.
  const isSecret = target.isSecret || entry?.isSecret === true;
  const change = describeChange({
    path,
    before: isSecret ? { state: before, text: undefined } : await readSide(host, path, before),
    after: { state: after, text: isSecret ? undefined : await target.readText() },
    isSecret,
  });
  return { status, before, after, change, isForeign: authorOf(entry, before) === "foreign" };
}

/** @throws {UserError} before the plan's first change, with `inspectFile`'s words */
export function inTheWay({ what, path }: FileOperation): UserError {
  return new UserError(`Cannot ${what}: there is a directory or device at "${path}"`, {
    hints: ["Move it away, then run this again"],
  });
}

/** One side of a diff, read from the host. */
export async function readSide({ system, tree }: Host, path: HostPath, state: FileState): Promise<Side> {
  const isShown = state.kind === "file" && state.sizeBytes <= maximumDiffBytes;
  return { state, text: isShown ? decodeText(await system.readFile(await tree.locate(path))) : undefined };
}

interface FileChange {
  readonly path: HostPath;
  readonly isSecret: boolean;
  readonly inspection: Inspection;
  /** Before the journal learns of the file: directories it needs. */
  readonly prepare?: () => Promise<void>;
  /** The change itself, from the first state to the second. */
  readonly change: (before: FileState, after: FileState) => Promise<void>;
}

/** @throws {ChangedMeanwhile} and changes nothing, when the file is not what was shown */
export async function changeFile(
  host: Host,
  { path, isSecret, inspection, prepare, change }: FileChange,
): Promise<void> {
  const { before, after } = inspection;
  if (before === undefined || after === undefined) throw new TypeError("A file is only changed after it was inspected");
  await demandState(host, path, before);
  await prepare?.();
  const previous = host.journal.current;
  await recordFile(host, { path, isSecret, before, after });
  try {
    await change(before, after);
  } catch (error) {
    if (error instanceof ChangedMeanwhile) {
      await host.journal.update((journal) => restoreFileEntry(journal, previous, path));
    }
    throw error;
  }
  await host.journal.update((journal) => {
    const entry = findFile(journal, path);
    return entry === undefined ? journal : putEntry(journal, { ...entry, ours: [after] });
  });
}

interface FileRecord {
  readonly path: HostPath;
  readonly isSecret: boolean;
  readonly before: FileState;
  readonly after: FileState;
}

/**
 * Keeps the original, and says in the journal what the file is about to become and which commands that makes
 * necessary.
 */
async function recordFile({ journal }: Host, { path, isSecret, before, after }: FileRecord): Promise<void> {
  const known = findFile(journal.current, path);
  const author = authorOf(known, before);
  // Another program's version of our file: undo goes back to the original, so this copy is for people only.
  const hasContent = before.kind === "file" || before.kind === "symlink";
  const backup = hasContent && (author === "untouched" || author === "foreign") ? await journal.keep(path) : undefined;
  await journal.update((current) => {
    const entry = known === undefined
      ? {
        kind: "file",
        path,
        original: before,
        ...(backup === undefined ? {} : { backup }),
        ours: [after],
        isSecret,
      } as const
      : {
        ...known,
        // What another program has made of it does not become ours, however this run ends.
        ours: author === "foreign" ? [after] : [before, after],
        isSecret: known.isSecret || isSecret,
      };
    return markNeeded(putEntry(current, entry), path);
  });
}

function restoreFileEntry(journal: Journal, previous: Journal, path: HostPath): Journal {
  const before = findFile(previous, path);
  if (before !== undefined) return putEntry(journal, before);
  const entry = findFile(journal, path);
  return entry === undefined ? journal : dropEntry(journal, entry);
}
