/** What undo does, and in which order: the journal and what is there now in, actions out. Pure. */

import type { FileState } from "./file_state.ts";
import type { HostPath } from "./host_path.ts";
import {
  authorOf,
  type CommandEntry,
  isStillOurs,
  type Journal,
  type JournalEntry,
  type OutputEntry,
} from "./journal.ts";
import type { UndoAction } from "./undo_action.ts";

/** What is there now, as far as the journal's entries are about it. */
export interface UndoFacts {
  /** The tree is the system that runs, and systemd is its init. */
  readonly isRunning: boolean;
  /** What is at each path that was looked at. */
  readonly files: ReadonlyMap<HostPath, FileState>;
  /** Units that are enabled for good, and units that run. */
  readonly enabled: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
}

export interface UndoSituation {
  readonly journal: Journal;
  readonly facts: UndoFacts;
  /** Units that the user wants to leave as they are. */
  readonly leftUnits: ReadonlySet<string>;
}

/** One action for each entry but directories, in order, when the user agrees to all that is asked. */
export function planUndo(situation: UndoSituation): readonly UndoAction[] {
  return undoOrder(situation.journal.entries).map((entry) => decideUndo(entry, situation));
}

/**
 * Units while their files are there, also those that only run; files, the last one first; then what has to be brought
 * up to date.
 */
export function undoOrder(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  const backwards = entries.toReversed();
  const isStart = (entry: JournalEntry): boolean => entry.kind === "command" && entry.undo === "stop";
  return [
    ...backwards.filter((entry) => entry.kind === "unit"),
    ...backwards.filter(isStart),
    ...backwards.filter((entry) => entry.kind === "file"),
    ...entries.filter((entry) => entry.kind === "command" && !isStart(entry)),
  ];
}

export function decideUndo(entry: JournalEntry, situation: UndoSituation): UndoAction {
  const { facts, journal } = situation;
  switch (entry.kind) {
    case "directory":
      return { kind: "nothing", entry };
    case "unit":
      return entry.wasEnabled || !facts.enabled.has(entry.unit)
        ? { kind: "forget", entry }
        : { kind: "disable-unit", entry, isStopped: facts.isRunning };
    case "file":
      return decideFile(entry, situation);
    case "command":
      return entry.undo === "stop" ? decideStart(entry, situation) : decideCommand(entry, journal, facts);
  }
}

function decideFile(entry: Extract<JournalEntry, { kind: "file" }>, situation: UndoSituation): UndoAction {
  const { journal, facts, leftUnits } = situation;
  const current = stateOf(facts, entry.path);
  const author = authorOf(entry, current);
  if (author === "original") return { kind: "forget", entry };
  const unit = [...leftUnits].find((unit) => listFilesOf(journal.entries, unit).includes(entry.path));
  if (unit !== undefined) return { kind: "keep-file", entry, unit };
  return { kind: author === "foreign" ? "leave-file" : "restore-file", entry, current };
}

/**
 * A unit that still runs would go on without its files until the next start: it was not enabled (any more), or was so
 * before setup-server.
 */
function decideStart(entry: CommandEntry, { journal, facts }: UndoSituation): UndoAction {
  const unit = unitOf(entry) ?? "";
  // The user has skipped to disable it.
  if (journal.entries.some((other) => other.kind === "unit" && other.unit === unit)) return { kind: "nothing", entry };
  return facts.isRunning && entry.hasRun && facts.active.has(unit)
    ? { kind: "stop-unit", entry, unit, startsAtBoot: facts.enabled.has(unit) }
    : { kind: "forget", entry };
}

function decideCommand(noted: CommandEntry, journal: Journal, facts: UndoFacts): UndoAction {
  const entry = withOwnOutputs(noted, facts);
  const paths = new Set(journal.entries.flatMap((other) => other.kind === "file" ? [other.path] : []));
  const isStillCaused = entry.causes.some((path) => paths.has(path));
  const isRepeated = entry.undo === "repeat";
  const hasNobodyToTell = isReload(entry) && !facts.isRunning;
  if (!entry.hasRun || hasNobodyToTell || (!isRepeated && entry.outputs.length === 0)) {
    return { kind: isStillCaused ? "nothing" : "forget", entry };
  }
  // With a file left that the command reads, its result is the right one; else what was there before setup is.
  return { kind: "undo-command", entry, isRepeated, keepsResult: isRepeated && isStillCaused };
}

/** With what runs that did not come to their end, and hooks of ours, have written besides. */
function withOwnOutputs(entry: CommandEntry, facts: UndoFacts): CommandEntry {
  const outputPaths = new Set(entry.outputs.map(({ path }) => path));
  const leftovers = (entry.hasRun ? entry.ownPaths ?? [] : [])
    .filter((path) => !outputPaths.has(path) && stateOf(facts, path).kind === "file");
  return {
    ...entry,
    outputs: [...entry.outputs, ...leftovers.map((path) => ({ path, original: { kind: "absent" } as const }))],
  };
}

/**
 * Of what a command has written, what undo puts back or removes: a file that only exists because of us goes,
 * whichever program wrote it last.
 */
export function listRestorable(
  entry: CommandEntry,
  files: ReadonlyMap<HostPath, FileState>,
): readonly OutputEntry[] {
  return entry.outputs.filter((output) => {
    return output.original.kind === "absent" ||
      isStillOurs(entry, output, files.get(output.path) ?? { kind: "absent" });
  }).map(({ path, original, backup }) => ({ path, original, ...backup === undefined ? {} : { backup } }));
}

function stateOf({ files }: UndoFacts, path: HostPath): FileState {
  const state = files.get(path);
  if (state === undefined) throw new TypeError(`"${path}" was not inspected`);
  return state;
}

/** The unit that an entry enables or starts. */
export function unitOf(entry: JournalEntry): string | undefined {
  if (entry.kind === "unit") return entry.unit;
  return entry.kind === "command" && entry.undo === "stop" ? entry.argv.at(-1) : undefined;
}

/** The unit's own file, and what it was started anew for. */
export function listFilesOf(entries: readonly JournalEntry[], unit: string): readonly HostPath[] {
  return entries.flatMap((entry) => {
    if (entry.kind === "file") return entry.path.endsWith(`/${unit}`) ? [entry.path] : [];
    return entry.kind === "command" && unitOf(entry) === unit ? entry.causes : [];
  });
}

export function nameOf(entry: JournalEntry): string {
  return entry.kind === "unit" ? entry.unit : entry.kind === "command" ? entry.what : entry.path;
}

/** Programs that do nothing but tell running ones to read their files again. */
const reloaders = ["nmcli", "networkctl", "systemctl"];

export function isReload({ argv }: CommandEntry): boolean {
  return reloaders.includes(argv[0] ?? "");
}
