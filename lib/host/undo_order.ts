/** What the journal's entries mean for undo: their order, names, and what belongs together. Pure. */

import type { CommandEntry, JournalEntry } from "./journal.ts";
import type { HostPath } from "./operation.ts";

/** Units while their files are there, also those that only run; files, the last one first; then what has to be brought up to date. */
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
