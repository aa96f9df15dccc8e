/**
 * Reads the journal, and refuses one that does not fit what lies beside it. A command that went on without it would
 * take the copies of originals for leftovers: undo-setup would remove them, setup-server would write over them.
 */

import { UserError } from "../errors.ts";
import { describeState } from "./file_state.ts";
import {
  backupDirectory,
  damagedJournal,
  emptyJournal,
  type Journal,
  journalPath,
  parseJournal,
  stateDirectory,
} from "./journal.ts";
import type { HostPath } from "./host_path.ts";
import type { System } from "../system/system.ts";
import type { HostTree } from "./tree.ts";

/** A real one has about 50 KB. */
const maximumBytes = 16 * 1024 * 1024;
/** Copies that a message names. */
const namedCopies = 20;

export interface ReadJournal {
  readonly journal: Journal;
  /** The file's text; undefined when there is none. */
  readonly text: string | undefined;
}

/** @throws {UserError} when there is a journal that cannot be used, or none beside copies of originals */
export async function readJournal(system: System, tree: HostTree): Promise<ReadJournal> {
  for (const path of [stateDirectory, backupDirectory]) await demandDirectory(tree, path);
  const copies = await tree.list(backupDirectory);
  const { text, journal } = await readWhole(system, tree).catch(async (error) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, {
      hints: [...await describeCopies(tree, copies), ...error.hints],
      cause: error,
    });
  });
  const unknown = copies.filter((name) => !/^[1-9]\d*$/.test(name) || Number(name) >= journal.nextBackup);
  if (unknown.length > 0) throw await copiesWithoutJournal(tree, { names: unknown, hasJournal: text !== undefined });
  return { journal, text };
}

async function readWhole(system: System, tree: HostTree): Promise<ReadJournal> {
  const text = await readText(system, tree);
  return { text, journal: text === undefined ? emptyJournal : parseJournal(text, `${tree.prefix}${journalPath}`) };
}

async function demandDirectory(tree: HostTree, path: HostPath): Promise<void> {
  const status = await tree.status(path);
  if (status === undefined || (await tree.statusFollowed(path))?.kind === "directory") return;
  throw new UserError(`Cannot use "${tree.prefix}${path}": it is ${describeKind(status.kind)}, no directory`, {
    hints: ["Nothing was changed. The journal of setup-server and its copies of originals belong there"],
  });
}

function describeKind(kind: string): string {
  const words: Readonly<Record<string, string>> = {
    file: "a file",
    directory: "a directory",
    symlink: "a symbolic link",
    block: "a block device",
  };
  return words[kind] ?? "a pipe, a socket or a device";
}

async function readText(system: System, tree: HostTree): Promise<string | undefined> {
  const status = await tree.status(journalPath);
  const damaged = (what: string, cause?: unknown): UserError =>
    damagedJournal(`${tree.prefix}${journalPath}`, [what], cause);
  if (status === undefined) return undefined;
  if (status.kind === "symlink") {
    const target = await system.readLink(await tree.locate(journalPath));
    throw damaged(`it is a symbolic link to "${target}", wanted the file itself`);
  }
  if (status.kind !== "file") throw damaged(`it is ${describeKind(status.kind)}, wanted a file`);
  if (status.sizeBytes > maximumBytes) {
    throw damaged(`it has ${status.sizeBytes} bytes, more than any journal`);
  }
  const bytes = await system.readFile(await tree.locate(journalPath));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw damaged("it is not UTF-8 text", error);
  }
}

async function copiesWithoutJournal(
  tree: HostTree,
  { names, hasJournal }: { readonly names: readonly string[]; readonly hasJournal: boolean },
): Promise<UserError> {
  const what = hasJournal
    ? `The journal "${tree.prefix}${journalPath}" does not know of copies of originals that are beside it`
    : `The journal "${tree.prefix}${journalPath}" is gone, but copies of originals are there`;
  return new UserError(what, {
    hints: [
      ...await describeCopies(tree, names),
      "Nothing was changed. If you have a backup of the journal, put it back and run this again",
      'Without one: doc/host-changes.md, "When the journal is damaged"',
    ],
  });
}

async function describeCopies(tree: HostTree, names: readonly string[]): Promise<readonly string[]> {
  const lines = await Promise.all(
    names.slice(0, namedCopies).map(async (name) => {
      const path = `${backupDirectory}/${name}`;
      const state = await tree.state(path);
      return `There is ${tree.prefix}${path} (${
        state.kind === "other" ? "a directory or device" : describeState(state)
      })`;
    }),
  );
  return names.length > namedCopies ? [...lines, `and ${names.length - namedCopies} more`] : lines;
}
