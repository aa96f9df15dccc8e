/**
 * What running a command and restarting a unit have in common: the journal knows of it before, while and after it
 * runs.
 */

import { capitalize } from "../../capitalize.ts";
import { quoteCommand } from "../../errors.ts";
import { showStep } from "../../ui.ts";
import type { Host } from "../host.ts";
import type { HostPath } from "../host_path.ts";
import { type CommandEntry, findCommand, isStillOurs, type OutputEntry, putEntry } from "../journal.ts";
import { makeParents } from "../made_directories.ts";
import type { Described, Inspection } from "../operation.ts";

/** Rebuilding an initramfs on an old laptop takes minutes. */
const commandTimeoutMs = 30 * 60_000;

/** Files that a command writes: all in one directory whose names start and end so. */
export interface OutputPattern {
  readonly directory: HostPath;
  readonly startsWith: string;
  readonly endsWith: string;
  /** The command is also done when it has written no such file. */
  readonly isOptional?: boolean;
}

export interface CommandToNote extends Described {
  readonly argv: readonly string[];
  readonly undo: CommandEntry["undo"];
  readonly outputs: readonly OutputPattern[];
  /** Files that only it writes, with what it calls them while it writes. */
  readonly ownPaths?: readonly HostPath[];
}

export function inspectCommand({ tree }: Host, argv: readonly string[], isNeeded: boolean): Inspection {
  return {
    status: isNeeded ? "needed" : "unchanged",
    change: [`command: ${quoteCommand(tree.commandLine(argv))}`],
    isForeign: false,
  };
}

export async function noteCommand(host: Host, command: CommandToNote, causes: readonly HostPath[]): Promise<void> {
  const before = findCommand(host.journal.current, command.id);
  const entry: CommandEntry = {
    outputs: [],
    hasRun: false,
    isNeeded: false,
    ...before,
    kind: "command",
    id: command.id,
    what: command.what,
    argv: [...command.argv],
    undo: command.undo,
    causes: [...new Set([...before?.causes ?? [], ...causes])],
    ...command.ownPaths === undefined ? {} : { ownPaths: [...command.ownPaths] },
  };
  await host.journal.update((journal) => putEntry(journal, entry));
}

/** Runs a command that was noted, and keeps what it overwrites. */
export async function runNoted(host: Host, { id, what, argv, outputs: patterns }: CommandToNote): Promise<void> {
  const entry = findCommand(host.journal.current, id);
  if (entry === undefined) throw new TypeError(`"${id}" was not noted before`);
  // So that the directories are in the journal, too.
  for (const { directory, startsWith } of patterns) await makeParents(host, `${directory}/${startsWith}`);
  const before = await listOutputs(host, patterns);
  const watched = await watchOutputs(host, entry, before);
  await host.journal.update((journal) =>
    putEntry(journal, { ...entry, outputs: watched, hasRun: true, isNeeded: true })
  );
  await runWithProgress(host, what, argv);
  const made = (await listOutputs(host, patterns)).filter((path) => !before.includes(path));
  const outputs = await Promise.all(
    [...watched, ...made.map((path) => ({ path, original: { kind: "absent" } as const }))]
      .map(async (output) => ({ ...output, ours: await host.tree.state(output.path) })),
  );
  await host.journal.update((journal) => putEntry(journal, { ...entry, outputs, hasRun: true, isNeeded: false }));
}

export async function runWithProgress({ tree, ui }: Host, what: string, argv: readonly string[]): Promise<void> {
  await showStep(
    ui.progress(capitalize(what)),
    async (progress) =>
      void await tree.run(argv, { timeoutMs: commandTimeoutMs, onLine: (line) => progress.note(line) }),
  );
}

/**
 * Keeps what a command is about to overwrite. Outputs that another program has written since an earlier run (a kernel
 * update) are no longer ours to restore, and are left out. Those that are of use to us alone stay in: our own hooks
 * write them.
 */
async function watchOutputs(
  host: Host,
  entry: CommandEntry,
  existing: readonly HostPath[],
): Promise<readonly OutputEntry[]> {
  const watched: OutputEntry[] = [];
  for (const output of entry.outputs) {
    if (isStillOurs(entry, output, await host.tree.state(output.path))) watched.push(withoutResult(output));
  }
  if (entry.hasRun) return watched;
  for (const path of existing) {
    const original = await host.tree.state(path);
    if (original.kind === "other") continue;
    watched.push({ path, original, backup: await host.journal.keep(path) });
  }
  return watched;
}

function withoutResult({ path, original, backup }: OutputEntry): OutputEntry {
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
