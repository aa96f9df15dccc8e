/**
 * The record of what was done to a host: format, reading, and how it changes. Pure.
 *
 * It is written before and after each change, so that after a crash or Ctrl-C it names everything that may have been
 * changed. An entry keeps what was there before the *first* run of setup; undo goes back to that, however often setup
 * ran.
 */

import * as v from "valibot";
import type { Parsed } from "../formats/json.ts";
import { UserError } from "../errors.ts";
import { makeVisible } from "../visible_text.ts";
import { type FileState, FileStateSchema, isSameState } from "./file_state.ts";
import type { HostPath } from "./host_path.ts";

export const stateDirectory: HostPath = "/var/lib/stiefelsystem";
export const journalPath: HostPath = `${stateDirectory}/journal.json`;
export const backupDirectory: HostPath = `${stateDirectory}/backup`;

/**
 * A path as setup-server writes it: what leaves the tree, or means another file when it is read again, was not written
 * by us.
 */
const PathSchema = v.pipe(
  v.string(),
  v.check(
    (path) => /^(\/[^/\0]+)+$/.test(path) && !path.split("/").some((name) => name === "." || name === ".."),
    'an absolute path without "." and ".."',
  ),
);

const TextSchema = v.pipe(v.string(), v.check((text) => !text.includes("\0"), "text without a zero byte"));

/** systemd.unit(5); never an option of systemctl. */
const UnitSchema = v.pipe(v.string(), v.regex(/^[\w@.:\\][\w@.:\\-]*\.[a-z]+$/, "the name of a unit"));

const ArgvSchema = v.pipe(
  v.array(TextSchema),
  v.check((argv) => (argv[0] ?? "") !== "", "a program and its arguments"),
);

const Backup = v.exactOptional(v.pipe(v.number(), v.integer("a whole number"), v.minValue(1, "a number from 1 on")));

/** What can be put back: never a directory or a device. */
const OriginalSchema = v.pipe(
  FileStateSchema,
  v.check(({ kind }) => kind !== "other", "a file, a symbolic link or nothing"),
);

/** A file that was written, replaced or removed. */
const FileEntry = v.strictObject({
  kind: v.literal("file"),
  path: PathSchema,
  original: OriginalSchema,
  /** Number of the copy of the original in the backup directory. */
  backup: Backup,
  /** States that setup-server itself can have left: one, or two while it changes the file. */
  ours: v.array(FileStateSchema),
  /** Its content is never shown. */
  isSecret: v.boolean(),
});

/** A directory that was created. */
const DirectoryEntry = v.strictObject({ kind: v.literal("directory"), path: PathSchema });

/** A unit that was enabled. */
const UnitEntry = v.strictObject({ kind: v.literal("unit"), unit: UnitSchema, wasEnabled: v.boolean() });

/** A file a command writes. */
const OutputEntry = v.strictObject({
  path: PathSchema,
  original: OriginalSchema,
  backup: Backup,
  /** What the command made of it; absent while it runs. */
  ours: v.exactOptional(FileStateSchema),
});

/** A command that was run, or has to be because files it depends on were changed. */
const CommandEntry = v.strictObject({
  kind: v.literal("command"),
  id: TextSchema,
  what: TextSchema,
  argv: ArgvSchema,
  undo: v.picklist(["repeat", "nothing", "stop"]),
  /** The files that make it necessary. */
  causes: v.array(PathSchema),
  /** It was started at least once. */
  hasRun: v.boolean(),
  /** Something it depends on has changed since it ran to its end. */
  isNeeded: v.boolean(),
  outputs: v.array(OutputEntry),
  /** Files that only it writes, also those of runs that did not come to their end; of commands with undo "nothing". */
  ownPaths: v.exactOptional(v.array(PathSchema)),
});

const EntrySchema = v.variant("kind", [FileEntry, DirectoryEntry, UnitEntry, CommandEntry]);

const JournalSchema = v.strictObject({
  version: v.literal(1),
  nextBackup: v.pipe(v.number(), v.safeInteger("a whole number"), v.minValue(1, "a number from 1 on")),
  /** Directories made for the journal itself, outermost first. */
  stateDirectories: v.array(PathSchema),
  entries: v.array(EntrySchema),
});

export type Journal = Parsed<typeof JournalSchema>;
export type JournalEntry = Journal["entries"][number];
export type FileEntry = Extract<JournalEntry, { kind: "file" }>;
export type UnitEntry = Extract<JournalEntry, { kind: "unit" }>;
export type CommandEntry = Extract<JournalEntry, { kind: "command" }>;
export type OutputEntry = CommandEntry["outputs"][number];

export const emptyJournal: Journal = { version: 1, nextBackup: 1, stateDirectories: [], entries: [] };

export function formatJournal(journal: Journal): string {
  return `${JSON.stringify(journal, null, 2)}\n`;
}

/**
 * @param place the real path, for messages
 * @throws {UserError} with all that is wrong, when it is not a whole journal of this version
 */
export function parseJournal(text: string, place: string = journalPath): Journal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damagedJournal(
      place,
      [`it is cut off, or no JSON (${error instanceof Error ? error.message : error})`],
      error,
    );
  }
  const version = value !== null && typeof value === "object" && "version" in value ? value.version : undefined;
  if (version !== 1 && typeof version === "number") {
    throw damagedJournal(place, [`it was written by another version of stiefelsystem (format ${version}, known is 1)`]);
  }
  const result = v.safeParse(JournalSchema, value);
  const damage = result.success ? findContradictions(result.output) : describeIssues(result.issues, value);
  if (!result.success || damage.length > 0) throw damagedJournal(place, damage);
  return result.output;
}

/** Damages that are named; more of them say nothing more. */
const namedDamages = 5;

/**
 * @param place the real path
 * @param damage each what is wrong, as the end of a sentence: "entry 3 is there twice"
 */
export function damagedJournal(place: string, damage: readonly string[], cause?: unknown): UserError {
  const more = damage.length > namedDamages ? [`and ${damage.length - namedDamages} more`] : [];
  return new UserError(
    `Cannot use the journal "${place}": ${[...damage.slice(0, namedDamages), ...more].join("; ")}`,
    {
      hints: [
        "Nothing was changed. It was damaged, changed by hand, or written by another version of stiefelsystem",
        "Put it back from a backup of yours, then run this again; the copies beside it are originals",
        'Without one: doc/host-changes.md, "When the journal is damaged"',
      ],
      cause,
    },
  );
}

/** What is well-formed and still cannot be: setup-server would never write it. */
function findContradictions(journal: Journal): readonly string[] {
  const damage: string[] = [];
  const seen = new Set<string>();
  const backups = new Set<number>();
  for (const [index, entry] of journal.entries.entries()) {
    const name = nameEntry(entry, index);
    const key = entryKey(entry);
    if (seen.has(key)) damage.push(`${name} is there twice`);
    seen.add(key);
    const kept = entry.kind === "file" ? [entry] : entry.kind === "command" ? entry.outputs : [];
    for (const { path, original, backup } of kept) {
      if (path === journalPath || path === backupDirectory || path.startsWith(`${backupDirectory}/`)) {
        damage.push(`${name} is about the journal itself`);
      }
      if (backup === undefined) {
        if (original.kind !== "absent") damage.push(`${name} names no copy of the original of "${path}"`);
        continue;
      }
      if (backup >= journal.nextBackup) damage.push(`${name} names copy ${backup}, which was never made`);
      if (backups.has(backup)) damage.push(`${name} names copy ${backup}, which is another file's`);
      backups.add(backup);
    }
  }
  return damage;
}

function nameEntry(entry: JournalEntry, index: number): string {
  const name = entry.kind === "unit" ? entry.unit : entry.kind === "command" ? entry.id : entry.path;
  return `entry ${index + 1} (${quote(name)})`;
}

function describeIssues(issues: readonly v.BaseIssue<unknown>[], value: unknown): readonly string[] {
  return issues.map((issue) => {
    const place = (issue.path ?? []).map(({ key }) => typeof key === "number" ? `${key + 1}` : String(key)).join(" ");
    const where = place === "" ? "it" : quote(place);
    if (issue.input === undefined) return `${where} is missing`;
    if (issue.expected === "never") return `${where} is not known`;
    const wanted = issue.kind === "schema" ? expectedWords[issue.expected ?? ""] ?? issue.expected : issue.message;
    return `${where} is ${quote(place === "" ? value : issue.input)}, wanted ${wanted}`;
  });
}

const expectedWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  Array: "a list",
  Object: "an object",
};

/** A value of the file in a message: short, without control characters. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const visible = makeVisible(text);
  return visible.length > 60 ? `${visible.slice(0, 57)}…` : visible;
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

/** The entry as it is now of what an earlier state of the journal had. */
export function findSame(journal: Journal, entry: JournalEntry): JournalEntry | undefined {
  const key = entryKey(entry);
  return journal.entries.find((other) => entryKey(other) === key);
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

/** @returns "foreign" when the user or another program has changed the file since we did */
export function authorOf(entry: FileEntry | undefined, current: FileState): Authorship {
  if (entry === undefined) return "untouched";
  if (isSameState(entry.original, current)) return "original";
  return entry.ours.some((state) => isSameState(state, current)) ? "ours" : "foreign";
}

/**
 * Whether no other program has written an output since our run; those that are of use to us alone are ours whichever
 * program wrote them.
 */
export function isStillOurs(entry: CommandEntry, { ours }: OutputEntry, current: FileState): boolean {
  return ours === undefined || entry.undo === "nothing" || isSameState(ours, current);
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
