/**
 * Carries out one operation, in steps that can be cut off anywhere: first the copy of what is there, then the journal, then the change
 * itself in one rename, then the journal again.
 */

import { UserError } from "../errors.ts";
import { type FileState, isSameState } from "./file_state.ts";
import type { Host } from "./host.ts";
import { contentBytes, isEnabled } from "./inspect.ts";
import {
  authorOf,
  type CommandEntry,
  dropEntry,
  findCommand,
  findFile,
  findUnit,
  type Journal,
  markNeeded,
  type OutputEntry,
  putEntry,
} from "./journal.ts";
import { makeOneDirectory } from "./journal_store.ts";
import {
  commandOf,
  type EnableUnit,
  type HostPath,
  type Operation,
  type OutputPattern,
  type RemoveFile,
  type RestartUnit,
  type RunCommand,
  type WriteFile,
} from "./operation.ts";
import { readState } from "./tree.ts";

/** Rebuilding an initramfs on an old laptop takes minutes. */
const commandTimeoutMs = 30 * 60_000;

/** A file is no longer what was shown; the caller may show it again. */
export class ChangedMeanwhile extends UserError {}

export interface FilePair {
  readonly before: FileState;
  readonly after: FileState;
}

/** @throws {ChangedMeanwhile} and changes nothing, when a file is not what `shown` says */
export async function perform(host: Host, operation: Operation, shown: FilePair | undefined): Promise<void> {
  switch (operation.kind) {
    case "write-file":
    case "remove-file":
      if (shown === undefined) throw new TypeError("A file is only changed after it was inspected");
      return await changeFile(host, operation, shown);
    case "enable-unit":
      return await enableUnit(host, operation);
    case "run-command":
    case "restart-unit":
      return await runCommand(host, operation);
  }
}

async function changeFile(host: Host, operation: WriteFile | RemoveFile, { before, after }: FilePair): Promise<void> {
  const { path } = operation;
  await demandState(host, path, before);
  if (operation.kind === "write-file") await makeParents(host, path);
  const previous = host.journal.current;
  await recordFile(host, operation, { before, after });
  try {
    if (operation.kind === "write-file") {
      await replaceFile(host, path, { before, after, write: (temporary) => writeContent(host, operation, temporary) });
    } else {
      await removeFile(host, path, before);
    }
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

/** Keeps the original, and says in the journal what the file is about to become and which commands that makes necessary. */
async function recordFile({ journal }: Host, operation: WriteFile | RemoveFile, pair: FilePair): Promise<void> {
  const { path } = operation;
  const known = findFile(journal.current, path);
  const author = authorOf(known, pair.before);
  const isSecret = operation.kind === "write-file" && operation.isSecret;
  // A version that somebody else made of our file: undo goes back to the original, so this copy is for people only.
  const hasContent = pair.before.kind === "file" || pair.before.kind === "symlink";
  const backup = hasContent && (author === "untouched" || author === "foreign") ? await journal.keep(path) : undefined;
  await journal.update((current) => {
    const entry = known === undefined
      ? {
        kind: "file",
        path,
        original: pair.before,
        ...(backup === undefined ? {} : { backup }),
        ours: [pair.after],
        isSecret,
      } as const
      : {
        ...known,
        // What somebody else has made of it does not become ours, however this run ends.
        ours: author === "foreign" ? [pair.after] : [pair.before, pair.after],
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

/** @throws {ChangedMeanwhile} */
export async function demandState(host: Host, path: HostPath, wanted: FileState): Promise<void> {
  if (isSameState(await host.tree.state(path), wanted)) return;
  throw new ChangedMeanwhile(`"${path}" was changed by somebody else after it was shown`);
}

/**
 * Where a file is put together before it is renamed into its place: beside it, hidden, so that no directory of snippets takes it in
 * (run-parts(8), systemd and NetworkManager skip such names). Always the same name, so that a run that was cut off leaves one at most.
 */
export function temporaryName(place: string): string {
  const end = place.lastIndexOf("/") + 1;
  return `${place.slice(0, end)}.${place.slice(end)}.stiefelsystem-new`;
}

interface Replacement {
  readonly before: FileState;
  readonly after: FileState;
  /** Makes the new file under a temporary name. */
  readonly write: (temporary: string) => Promise<void>;
}

/** @throws {ChangedMeanwhile} */
export async function replaceFile(host: Host, path: HostPath, { before, after, write }: Replacement): Promise<void> {
  const { system, tree } = host;
  const place = await tree.locate(path);
  const temporary = temporaryName(place);
  await system.remove(temporary);
  try {
    await write(temporary);
    const made = await readState(system, temporary);
    if (!isSameState(made, after)) {
      throw new UserError(`Writing "${path}" gave another content than was shown; what it is made from has changed`);
    }
    await demandState(host, path, before);
    await system.rename(temporary, place);
  } catch (error) {
    await system.remove(temporary).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  await system.sync(place.slice(0, place.lastIndexOf("/")) || "/");
}

/** @throws {ChangedMeanwhile} */
export async function removeFile(host: Host, path: HostPath, before: FileState): Promise<void> {
  await demandState(host, path, before);
  const place = await host.tree.locate(path);
  await host.system.removeOne(place);
  await host.system.sync(place.slice(0, place.lastIndexOf("/")) || "/");
}

async function writeContent({ system, tree }: Host, operation: WriteFile, temporary: string): Promise<void> {
  const { content } = operation;
  // Until it is in place nobody else may read it; the mode comes before the content.
  const mode = operation.mode === "any" ? 0o600 : operation.mode;
  const stream = content.kind === "copy-of"
    ? await system.openRead(content.source)
    : new Blob([contentBytes(content)]).stream();
  await system.writeStream(temporary, stream, { mode });
  await system.sync(temporary);
  if (operation.mode === "any") return;
  const status = await system.lstat(temporary);
  const { uid, gid } = tree.owner;
  if (status !== undefined && (status.uid !== uid || status.gid !== gid)) await system.chown(temporary, tree.owner);
}

/** Creates the directories a path needs, each written to the journal first. */
async function makeParents(host: Host, path: HostPath): Promise<void> {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    const directory = path.slice(0, end);
    if (await host.tree.exists(directory)) continue;
    await host.journal.update((journal) => putEntry(journal, { kind: "directory", path: directory }));
    await makeOneDirectory(host.system, host.tree, directory, 0o755);
  }
}

async function enableUnit(host: Host, { unit, wantedBy }: EnableUnit): Promise<void> {
  await makeParents(host, `/etc/systemd/system/${wantedBy}.wants/${unit}`);
  if (findUnit(host.journal.current, unit) === undefined) {
    const wasEnabled = await isEnabled(host, unit);
    await host.journal.update((journal) => putEntry(journal, { kind: "unit", unit, wasEnabled }));
  }
  await host.tree.run(["systemctl", "enable", unit], { timeoutMs: 60_000 });
}

/** Notes a command that later operations may make necessary, so that a run that ends early does not forget it. */
export async function noteCommand(
  host: Host,
  operation: RunCommand | RestartUnit,
  causes: readonly HostPath[],
): Promise<void> {
  const known = findCommand(host.journal.current, operation.id);
  const entry: CommandEntry = {
    outputs: [],
    hasRun: false,
    isNeeded: false,
    ...known,
    kind: "command",
    id: operation.id,
    what: operation.what,
    argv: [...commandOf(operation)],
    undo: operation.undo,
    causes: [...new Set([...known?.causes ?? [], ...causes])],
    ...operation.kind === "run-command" && operation.undo === "nothing" ? { ownPaths: listOwnPaths(operation) } : {},
  };
  await host.journal.update((journal) => putEntry(journal, entry));
}

function listOwnPaths({ outputs }: RunCommand): string[] {
  const places = outputs.map(({ directory, startsWith, endsWith }) => `${directory}/${startsWith}${endsWith}`);
  return places.flatMap((place) => [place, `${place}.new`]);
}

async function runCommand(host: Host, operation: RunCommand | RestartUnit): Promise<void> {
  const patterns = operation.kind === "run-command" ? operation.outputs : [];
  const entry = findCommand(host.journal.current, operation.id);
  if (entry === undefined) throw new TypeError(`"${operation.id}" was not noted before`);
  // So that the directories are in the journal, too.
  for (const { directory, startsWith } of patterns) await makeParents(host, `${directory}/${startsWith}`);
  const before = await listOutputs(host, patterns);
  const watched = await watchOutputs(host, entry, before);
  await host.journal.update((journal) =>
    putEntry(journal, { ...entry, outputs: watched, hasRun: true, isNeeded: true })
  );
  await runWithProgress(host, operation.what, commandOf(operation));
  const made = (await listOutputs(host, patterns)).filter((path) => !before.includes(path));
  const outputs = await Promise.all(
    [...watched, ...made.map((path) => ({ path, original: { kind: "absent" } as const }))]
      .map(async (output) => ({ ...output, ours: await host.tree.state(output.path) })),
  );
  await host.journal.update((journal) => putEntry(journal, { ...entry, outputs, hasRun: true, isNeeded: false }));
}

export async function runWithProgress({ tree, ui }: Host, what: string, argv: readonly string[]): Promise<void> {
  const progress = ui.progress(`${what[0]?.toUpperCase() ?? ""}${what.slice(1)}`);
  try {
    await tree.run(argv, { timeoutMs: commandTimeoutMs, onLine: (line) => progress.note(line) });
  } catch (error) {
    progress.fail();
    throw error;
  }
  progress.finish();
}

/**
 * Keeps what a command is about to overwrite. Outputs that somebody else has written since an earlier run (a kernel update) are no longer
 * ours to restore, and are left out; not so those that are of use to us alone, which our own hooks write.
 */
async function watchOutputs(
  host: Host,
  entry: CommandEntry,
  existing: readonly HostPath[],
): Promise<readonly OutputEntry[]> {
  const watched: OutputEntry[] = [];
  for (const known of entry.outputs) {
    if (await isStillOurs(host, entry, known)) watched.push(withoutResult(known));
  }
  if (entry.hasRun) return watched;
  for (const path of existing) {
    const original = await host.tree.state(path);
    if (original.kind === "other") continue;
    watched.push({ path, original, backup: await host.journal.keep(path) });
  }
  return watched;
}

/** Whether nobody else has written an output since our run; those that are of use to us alone are ours whoever wrote them. */
export async function isStillOurs({ tree }: Host, entry: CommandEntry, { path, ours }: OutputEntry): Promise<boolean> {
  return ours === undefined || entry.undo === "nothing" || isSameState(ours, await tree.state(path));
}

export function withoutResult({ path, original, backup }: OutputEntry): OutputEntry {
  return { path, original, ...(backup === undefined ? {} : { backup }) };
}

async function listOutputs({ tree }: Host, patterns: readonly OutputPattern[]): Promise<readonly HostPath[]> {
  const paths = new Set<HostPath>();
  for (const { directory, startsWith, endsWith } of patterns) {
    for (const name of await tree.list(directory)) {
      const isLongEnough = name.length >= startsWith.length + endsWith.length;
      if (isLongEnough && name.startsWith(startsWith) && name.endsWith(endsWith)) paths.add(`${directory}/${name}`);
    }
  }
  return [...paths].sort();
}
