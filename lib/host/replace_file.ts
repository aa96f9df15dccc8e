/** Changes one path in one step: what is there is either the old or the new, wherever it is cut off. */

import { UserError } from "../errors.ts";
import { type FileState, isSameState } from "./file_state.ts";
import type { Host } from "./host.ts";
import type { HostPath } from "./host_path.ts";
import { backupPath, type FileEntry, type OutputEntry } from "./journal.ts";
import { readState } from "./tree.ts";

/** A file is no longer what was shown; the caller may show it again. */
export class ChangedMeanwhile extends UserError {}

/** @throws {ChangedMeanwhile} */
export async function demandState(host: Host, path: HostPath, expected: FileState): Promise<void> {
  if (isSameState(await host.tree.state(path), expected)) return;
  throw new ChangedMeanwhile(`"${path}" was changed after it was shown`);
}

/**
 * Where a file is put together before it is renamed into its place: beside it, hidden, so that no directory of
 * snippets takes it in (run-parts(8), systemd and NetworkManager skip such names). Always the same name, so that a run
 * that was cut off leaves one at most.
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

/** Makes a path what it was before setup-server, from the copy that the journal names. @throws {ChangedMeanwhile} */
export async function putBack(host: Host, original: OutputEntry | FileEntry, current: FileState): Promise<void> {
  const { path, backup } = original;
  if (original.original.kind === "absent") {
    if (current.kind !== "absent") await removeFile(host, path, current);
    return;
  }
  if (backup === undefined) throw new TypeError(`The journal names no copy of "${path}"`);
  const copy = await host.tree.locate(backupPath(backup));
  await replaceFile(host, path, {
    before: current,
    after: original.original,
    write: (temporary) => host.system.copyExactly(copy, temporary),
  });
}
