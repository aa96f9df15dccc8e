/**
 * The record of what was done to a host: format, reading, and how it changes. Pure.
 *
 * It is written before and after each change, so that after a crash or Ctrl-C it names everything that may have been changed.
 * An entry keeps what was there before the *first* run of setup; undo goes back to that, however often setup ran.
 */

import * as v from "valibot";
import { UserError } from "../errors.ts";
import { type FileState, FileStateSchema, isSameState } from "./file_state.ts";
import type { HostPath } from "./operation.ts";

export const stateDirectory: HostPath = "/var/lib/stiefelsystem";
export const journalPath: HostPath = `${stateDirectory}/journal.json`;
export const backupDirectory: HostPath = `${stateDirectory}/backup`;

const Backup = v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1)));

/** A file that was written, replaced or removed. */
const FileEntry = v.strictObject({
  kind: v.literal("file"),
  path: v.string(),
  original: FileStateSchema,
  /** Number of the copy of the original in the backup directory. */
  backup: Backup,
  /** What it may be by our doing: one state, or two while it is being changed. */
  ours: v.array(FileStateSchema),
  /** Its content is never shown. */
  isSecret: v.boolean(),
});

/** A directory that was created. */
const DirectoryEntry = v.strictObject({ kind: v.literal("directory"), path: v.string() });

/** A unit that was enabled. */
const UnitEntry = v.strictObject({ kind: v.literal("unit"), unit: v.string(), wasEnabled: v.boolean() });

/** A file a command writes. */
const OutputEntry = v.strictObject({
  path: v.string(),
  original: FileStateSchema,
  backup: Backup,
  /** What the command made of it; absent while it runs. */
  ours: v.exactOptional(FileStateSchema),
});

/** A command that was run, or has to be because files it depends on were changed. */
const CommandEntry = v.strictObject({
  kind: v.literal("command"),
  id: v.string(),
  what: v.string(),
  argv: v.array(v.string()),
  undo: v.picklist(["repeat", "nothing", "stop"]),
  /** The files that make it necessary. */
  causes: v.array(v.string()),
  /** It was started at least once. */
  hasRun: v.boolean(),
  /** Something it depends on has changed since it ran to its end. */
  isNeeded: v.boolean(),
  outputs: v.array(OutputEntry),
  /** Files that only it writes, also those of runs that did not come to their end; of commands with undo "nothing". */
  ownPaths: v.exactOptional(v.array(v.string())),
});

const EntrySchema = v.variant("kind", [FileEntry, DirectoryEntry, UnitEntry, CommandEntry]);

const JournalSchema = v.strictObject({
  version: v.literal(1),
  nextBackup: v.number(),
  /** Directories made for the journal itself, outermost first. */
  stateDirectories: v.array(v.string()),
  entries: v.array(EntrySchema),
});

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;
export type Journal = DeepReadonly<v.InferOutput<typeof JournalSchema>>;
export type JournalEntry = Journal["entries"][number];
export type FileEntry = Extract<JournalEntry, { kind: "file" }>;
export type UnitEntry = Extract<JournalEntry, { kind: "unit" }>;
export type CommandEntry = Extract<JournalEntry, { kind: "command" }>;
export type OutputEntry = CommandEntry["outputs"][number];

export const emptyJournal: Journal = { version: 1, nextBackup: 1, stateDirectories: [], entries: [] };

export function formatJournal(journal: Journal): string {
  return `${JSON.stringify(journal, null, 2)}\n`;
}

/** @throws {UserError} when it is not a journal of this version */
export function parseJournal(text: string): Journal {
  try {
    return v.parse(JournalSchema, JSON.parse(text));
  } catch (error) {
    throw new UserError(`Cannot use the journal "${journalPath}": ${error instanceof Error ? error.message : error}`, {
      hints: [
        "It was written by another version of stiefelsystem, or changed by hand; the copies beside it are originals",
      ],
      cause: error,
    });
  }
}

export function findFile(journal: Journal, path: HostPath): FileEntry | undefined {
  return journal.entries.find((entry): entry is FileEntry => entry.kind === "file" && entry.path === path);
}

export function findUnit(journal: Journal, unit: string): UnitEntry | undefined {
  return journal.entries.find((entry): entry is UnitEntry => entry.kind === "unit" && entry.unit === unit);
}

export function findCommand(journal: Journal, id: string): CommandEntry | undefined {
  return journal.entries.find((entry): entry is CommandEntry => entry.kind === "command" && entry.id === id);
}

/** An entry of the same identity is replaced where it stands, a new one goes to the end. */
export function putEntry(journal: Journal, entry: JournalEntry): Journal {
  const key = entryKey(entry);
  const index = journal.entries.findIndex((other) => entryKey(other) === key);
  return {
    ...journal,
    entries: index < 0 ? [...journal.entries, entry] : journal.entries.with(index, entry),
  };
}

export function dropEntry(journal: Journal, entry: JournalEntry): Journal {
  const key = entryKey(entry);
  return { ...journal, entries: journal.entries.filter((other) => entryKey(other) !== key) };
}

function entryKey(entry: JournalEntry): string {
  switch (entry.kind) {
    case "file":
    case "directory":
      return `${entry.kind} ${entry.path}`;
    case "unit":
      return `unit ${entry.unit}`;
    case "command":
      return `command ${entry.id}`;
  }
}

export function reserveBackup(journal: Journal): { readonly journal: Journal; readonly backup: number } {
  return { journal: { ...journal, nextBackup: journal.nextBackup + 1 }, backup: journal.nextBackup };
}

export function backupPath(backup: number): HostPath {
  return `${backupDirectory}/${backup}`;
}

/** Whose a file is, by what the journal says of it. */
export type Authorship = "untouched" | "original" | "ours" | "foreign";

/** @returns "foreign" when somebody else has changed the file since we did */
export function authorOf(entry: FileEntry | undefined, current: FileState): Authorship {
  if (entry === undefined) return "untouched";
  if (isSameState(entry.original, current)) return "original";
  return entry.ours.some((state) => isSameState(state, current)) ? "ours" : "foreign";
}

/** Every command that depends on a file has to run again; in undo only those that ever ran. */
export function markNeeded(journal: Journal, path: HostPath): Journal {
  return {
    ...journal,
    entries: journal.entries.map((entry) =>
      entry.kind === "command" && entry.causes.includes(path) ? { ...entry, isNeeded: true } : entry
    ),
  };
}
