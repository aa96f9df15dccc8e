/** Takes back what the journal says was done: units, files, commands, directories, and at last the journal itself. */

import { CommandError, StoppedByUser } from "../errors.ts";
import { separateInitramfs, separateKernel } from "../initramfs/generator.ts";
import { autokexecUnitPath } from "./autokexec_unit.ts";
import { askFor, printDryRun, type Proposal, sayAlsoSkipped, showProposal } from "./ask.ts";
import { describeChange, type Side } from "./diff.ts";
import type { FileState } from "./file_state.ts";
import type { Host } from "./host.ts";
import { isActive, isEnabled, readSide } from "./inspect.ts";
import {
  authorOf,
  backupPath,
  type CommandEntry,
  dropEntry,
  type FileEntry,
  findUnit,
  type JournalEntry,
  markNeeded,
  type OutputEntry,
  putEntry,
  type UnitEntry,
} from "./journal.ts";
import { configPath } from "./image_start.ts";
import { stiefelsystemJsonPath } from "./plan_setup_server.ts";
import { demandCopies } from "./demand_copies.ts";
import { removeMadeDirectories } from "./made_directories.ts";
import type { HostPath } from "./operation.ts";
import {
  ChangedMeanwhile,
  demandState,
  isStillOurs,
  removeFile,
  replaceFile,
  runWithProgress,
  temporaryName,
  withoutResult,
} from "./perform.ts";
import { isReload, listFilesOf, nameOf, undoOrder, unitOf } from "./undo_order.ts";

const maximumShows = 3;

export interface UndoOptions {
  /** Print the steps as a result, ask and change nothing. */
  readonly dryRun?: boolean;
  /** A dry run shows every change, too. */
  readonly withDiffs?: boolean;
}

export type UndoOutcome = "done" | "nothing-to-do" | "skipped" | "refused" | "shown";

export interface UndoReport {
  /** What is still there because the user skipped it or somebody else has changed it. */
  readonly left: readonly string[];
}

/**
 * @returns what was left; empty when the host is as it was before setup-server
 * @throws {StoppedByUser} on "abort" and Ctrl-C; what was taken back until then stays so, and the journal knows
 */
export async function undoSetup(host: Host, options: UndoOptions = {}): Promise<UndoReport> {
  const { entries } = host.journal.current;
  if (entries.length === 0) {
    if (!options.dryRun) await host.journal.removeIfEmpty();
    await sayNothing(host);
    return { left: [] };
  }
  await demandCopies(host);
  const steps = undoOrder(entries);
  const left: string[] = [];
  const done: string[] = [];
  /** Files that units need which stay, and those units. */
  const kept = new Map<HostPath, string>();
  const shown: Proposal[] = [];
  try {
    for (const [index, entry] of steps.entries()) {
      const position = `${index + 1}/${steps.length}`;
      const outcome = await undoEntry(host, entry, { ...options, kept, shown, position });
      const name = nameOf(entry);
      if (outcome === "done") done.push(name);
      if (outcome === "skipped" || outcome === "refused") left.push(`${name} (${outcome})`);
      const unit = unitOf(entry);
      if (outcome !== "skipped" || unit === undefined) continue;
      for (const path of listFilesOf(entries, unit)) kept.set(path, unit);
    }
    if (!options.dryRun) await removeMadeDirectories(host);
  } catch (error) {
    if (options.dryRun) throw error;
    host.ui.say("");
    host.ui.say(done.length === 0 ? "Stopped; nothing was taken back." : "Stopped. Taken back so far:");
    for (const name of done) host.ui.say(`    ${name}`);
    host.ui.say('To go on, run "undo-setup" again.');
    throw error;
  }
  if (options.dryRun) await printDryRun(host.ui, shown, options);
  host.ui.say("");
  if (options.dryRun) host.ui.say(`${shown.length - left.length} would be done. Nothing was changed.`);
  else if (left.length === 0) host.ui.say("All of it is taken back; nothing of stiefelsystem is left.");
  else for (const name of left) host.ui.warn(`Still there: ${name}`);
  return { left };
}

/** Some of what setup-server installs, wherever it runs. */
const installedPaths = [configPath, stiefelsystemJsonPath, separateInitramfs, separateKernel, autokexecUnitPath];

/** A journal that was removed together with its copies leaves no trace but the files. */
async function sayNothing({ tree, ui }: Host): Promise<void> {
  const found: HostPath[] = [];
  for (const path of installedPaths) if (await tree.exists(path)) found.push(path);
  if (found.length === 0) return ui.say("Nothing to undo: setup-server has changed nothing here.");
  ui.say("Nothing to undo: there is no journal of setup-server here.");
  ui.warn("Files that it installs are there, though. Without the journal they stay, and so does what they replaced:");
  for (const path of found) ui.say(`    ${tree.prefix}${path}`);
  ui.say('    Hint: doc/host-changes.md, "When the journal is damaged"');
}

interface StepOptions extends UndoOptions {
  readonly position: string;
  readonly kept: ReadonlyMap<HostPath, string>;
  /** What a dry run would have asked. */
  readonly shown: Proposal[];
}

async function undoEntry(host: Host, entry: JournalEntry, options: StepOptions): Promise<UndoOutcome> {
  switch (entry.kind) {
    case "unit":
      return await undoUnit(host, entry, options);
    case "file":
      return await undoFile(host, entry, options);
    case "command":
      return entry.undo === "stop" ? await undoStart(host, entry, options) : await undoCommand(host, entry, options);
    case "directory":
      return "nothing-to-do";
  }
}

/** Shows and asks. @returns undefined when it shall be done */
async function propose(host: Host, proposal: Proposal, options: StepOptions): Promise<UndoOutcome | undefined> {
  if (options.dryRun) {
    options.shown.push(proposal);
    return "shown";
  }
  showProposal(host.ui, proposal);
  const answer = await askFor(host.ui, proposal);
  if (answer === "abort") throw new StoppedByUser();
  return answer === "skip" ? "skipped" : undefined;
}

async function forget(host: Host, entry: JournalEntry): Promise<void> {
  await host.journal.update((journal) => dropEntry(journal, entry));
}

async function undoUnit(host: Host, entry: UnitEntry, options: StepOptions): Promise<UndoOutcome> {
  if (entry.wasEnabled || !await isEnabled(host, entry.unit)) {
    if (!options.dryRun) await forget(host, entry);
    return "nothing-to-do";
  }
  const now = host.tree.isRunning ? ["--now"] : [];
  const refusal = await propose(host, {
    position: options.position,
    what: `disable ${entry.unit}`,
    why: now.length > 0 ? "It is stopped, and no longer started at boot" : "It is no longer started at boot",
    effect: "",
    change: [],
  }, options);
  if (refusal !== undefined) return refusal;
  await host.tree.run(["systemctl", "disable", ...now, entry.unit], { timeoutMs: 2 * 60_000 });
  await forget(host, entry);
  return "done";
}

/** A unit that still runs would go on without its files until the next start: it was not enabled (any more), or was so before setup-server. */
async function undoStart(host: Host, entry: CommandEntry, options: StepOptions): Promise<UndoOutcome> {
  const unit = unitOf(entry) ?? "";
  // The user has skipped to disable it.
  if (findUnit(host.journal.current, unit) !== undefined) return "nothing-to-do";
  const runs = host.tree.isRunning && entry.hasRun && await isActive(host, unit);
  if (!runs) {
    if (!options.dryRun) await forget(host, entry);
    return "nothing-to-do";
  }
  const refusal = await propose(host, {
    position: options.position,
    what: `stop ${unit}`,
    why: await isEnabled(host, unit)
      ? "It was started anew, and its files go; what was there before starts at the next boot"
      : "It was started, and its files go",
    effect: "",
    change: [],
  }, options);
  if (refusal !== undefined) return refusal;
  await host.tree.run(["systemctl", "stop", unit], { timeoutMs: 2 * 60_000 });
  await forget(host, entry);
  return "done";
}

async function undoFile(host: Host, entry: FileEntry, options: StepOptions): Promise<UndoOutcome> {
  for (let shows = 1;; shows++) {
    const current = await host.tree.state(entry.path);
    const author = authorOf(entry, current);
    if (author === "original") {
      if (!options.dryRun) await finishFile(host, entry);
      return "nothing-to-do";
    }
    const unit = options.kept.get(entry.path);
    if (unit !== undefined) {
      sayAlsoSkipped(host.ui, `${entry.path} (${unit} needs it)`);
      return "skipped";
    }
    const change = await describeUndo(host, entry, current);
    if (author === "foreign") {
      if (!options.dryRun) sayForeign(host, entry, change);
      else {
        const why = describeOwnWay(host, entry);
        options.shown.push({
          position: options.position,
          what: `leave ${entry.path}`,
          why,
          effect: "changed by somebody else since",
          change,
        });
      }
      return "refused";
    }
    const isNew = entry.original.kind === "absent";
    const refusal = await propose(host, {
      position: options.position,
      what: `${isNew ? "remove" : "restore"} ${entry.path}`,
      why: isNew ? "setup-server created it" : "As it was before setup-server",
      effect: "",
      change,
    }, options);
    if (refusal !== undefined) return refusal;
    try {
      await restoreFile(host, entry, current);
      return "done";
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || shows >= maximumShows) throw error;
      host.ui.warn(`${error.message}; here it is again`);
    }
  }
}

function sayForeign({ ui, tree }: Host, entry: FileEntry, change: readonly string[]): void {
  ui.say("");
  ui.warn(`${entry.path} was changed by somebody else since setup-server wrote it, and is left alone`);
  ui.say("    What undoing it would change:");
  for (const line of change) ui.say(`    ${line}`);
  ui.say(`    Hint: ${describeOwnWay({ tree }, entry)}`);
}

/** What a user does about a file that undo leaves alone. */
function describeOwnWay({ tree }: Pick<Host, "tree">, entry: FileEntry): string {
  const original = entry.backup === undefined
    ? `remove ${tree.prefix}${entry.path}`
    : `restore it from ${tree.prefix}${backupPath(entry.backup)}`;
  return `${original} yourself, then run "undo-setup" again`;
}

async function describeUndo(host: Host, entry: FileEntry, current: FileState): Promise<readonly string[]> {
  const { isSecret } = entry;
  const original: Side = isSecret || entry.backup === undefined
    ? { state: entry.original, text: undefined }
    : { ...await readSide(host, backupPath(entry.backup), entry.original), state: entry.original };
  return describeChange({
    path: entry.path,
    before: isSecret || current.kind === "other"
      ? { state: current, text: undefined }
      : await readSide(host, entry.path, current),
    after: original,
    isSecret,
  });
}

async function restoreFile(host: Host, entry: FileEntry, current: FileState): Promise<void> {
  await demandState(host, entry.path, current);
  // The commands first: a run that ends after the file is back still knows that they have to be repeated.
  await host.journal.update((journal) => markNeeded(journal, entry.path));
  await putBack(host, entry, current);
  await finishFile(host, entry);
}

async function putBack(host: Host, original: OutputEntry | FileEntry, current: FileState): Promise<void> {
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

async function finishFile(host: Host, entry: FileEntry): Promise<void> {
  await host.system.remove(temporaryName(await host.tree.locate(entry.path)));
  await forget(host, entry);
}

async function undoCommand(host: Host, noted: CommandEntry, options: StepOptions): Promise<UndoOutcome> {
  const entry = await withOwnOutputs(
    host,
    host.journal.current.entries.find((other): other is CommandEntry =>
      other.kind === "command" && other.id === noted.id
    ) ?? noted,
  );
  const paths = new Set(host.journal.current.entries.flatMap((other) => other.kind === "file" ? [other.path] : []));
  const isStillCaused = entry.causes.some((path) => paths.has(path));
  const isRepeated = entry.undo === "repeat";
  const hasNobodyToTell = isReload(entry) && !host.tree.isRunning;
  if (!entry.hasRun || hasNobodyToTell || (!isRepeated && entry.outputs.length === 0)) {
    if (!options.dryRun && !isStillCaused) await forget(host, entry);
    return "nothing-to-do";
  }
  const refusal = await propose(host, {
    position: options.position,
    what: isRepeated ? `${entry.what} again` : `remove what "${entry.what}" made`,
    why: isRepeated
      ? `So that it fits the restored files: ${host.tree.commandLine(entry.argv).join(" ")}`
      : "It is of no use any more",
    effect: "",
    change: entry.outputs.map((output) => output.path),
  }, options);
  if (refusal !== undefined) return refusal;
  const restorable = await keepRestorable(host, entry);
  if (isRepeated) await repeatCommand(host, entry);
  // With a file left that the command reads, its result is the right one; else what was there before setup is.
  if (!isStillCaused || !isRepeated) {
    for (const output of restorable) {
      await putBack(host, output, await host.tree.state(output.path));
    }
    await forget(host, entry);
    return "done";
  }
  const outputs = await Promise.all(
    restorable.map(async (output) => ({ ...output, ours: await host.tree.state(output.path) })),
  );
  await host.journal.update((journal) => putEntry(journal, { ...entry, isNeeded: false, outputs }));
  return "done";
}

/** With what runs that did not come to their end, and hooks of ours, have written besides. */
async function withOwnOutputs({ tree }: Host, entry: CommandEntry): Promise<CommandEntry> {
  const outputs = [...entry.outputs];
  for (const path of entry.hasRun ? entry.ownPaths ?? [] : []) {
    if (outputs.some((output) => output.path === path)) continue;
    if ((await tree.status(path))?.kind === "file") outputs.push({ path, original: { kind: "absent" } });
  }
  return { ...entry, outputs };
}

async function repeatCommand(host: Host, entry: CommandEntry): Promise<void> {
  try {
    await runWithProgress(host, `${entry.what} again`, entry.argv);
  } catch (error) {
    if (!isReload(entry) || !(error instanceof CommandError)) throw error;
    // Stopped or removed since: what does not run reads the restored files when it starts.
    host.ui.warn(`Could not ${entry.what}; it is not needed unless the program runs: ${error.message}`);
  }
}

/** Outputs nobody else has written since our run; from here on the journal takes them as being changed by us. */
async function keepRestorable(host: Host, entry: CommandEntry): Promise<readonly OutputEntry[]> {
  const restorable: OutputEntry[] = [];
  for (const output of entry.outputs) {
    // A file that only exists because of us goes, whoever wrote it last.
    if (output.original.kind === "absent" || await isStillOurs(host, entry, output)) {
      restorable.push(withoutResult(output));
    }
  }
  await host.journal.update((journal) => putEntry(journal, { ...entry, isNeeded: true, outputs: restorable }));
  return restorable;
}
