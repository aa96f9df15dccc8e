/** Takes back what the journal says was done: units, files, commands, directories, and at last the journal itself. */

import { stiefelsystemJsonPath } from "../formats/stiefelsystem_json.ts";
import { StoppedByUser, withoutStopped } from "../errors.ts";
import { separateInitramfs, separateKernel } from "../initramfs/generator.ts";
import { commandToType } from "../command_to_type.ts";
import { askFor, printDryRun, type Proposal, sayAlsoSkipped, showProposal } from "./ask.ts";
import { autokexecUnitPath } from "./autokexec_unit.ts";
import { demandCopies } from "./demand_copies.ts";
import type { Host } from "./host.ts";
import type { HostPath } from "./host_path.ts";
import { configPath } from "./image_start.ts";
import { dropEntry, findSame, type JournalEntry } from "./journal.ts";
import { removeMadeDirectories } from "./made_directories.ts";
import { describeOwnWay, describeRestore, finishFile } from "./operations/restore_file.ts";
import { type AskedAction, isAsked, undoKindOf } from "./operations/undo_kinds.ts";
import { ChangedMeanwhile } from "./replace_file.ts";
import type { UndoAction } from "./undo_action.ts";
import { gatherUndoFacts } from "./undo_facts.ts";
import { decideUndo, nameOf, planUndo, undoOrder, unitOf } from "./undo_plan.ts";

/** A file that changes again each time it was shown is given up on. */
const maximumShows = 3;

export type UndoOutcome = "done" | "nothing-to-do" | "skipped" | "refused";

export interface UndoReport {
  /** What is still there because the user skipped it or it was changed since. */
  readonly left: readonly string[];
}

/**
 * @returns what was left; empty when the host is as it was before setup-server
 * @throws {StoppedByUser} on "abort" and Ctrl-C; what was taken back until then stays so, and the journal knows
 */
export async function undoSetup(host: Host): Promise<UndoReport> {
  const { entries } = host.journal.current;
  if (entries.length === 0) {
    await host.journal.removeIfEmpty();
    await sayNothing(host);
    return { left: [] };
  }
  await demandCopies(host);
  const left: string[] = [];
  const done: string[] = [];
  const leftUnits = new Set<string>();
  const steps = undoOrder(entries);
  try {
    for (const [index, entry] of steps.entries()) {
      const outcome = await undoEntry(host, entry, { position: `${index + 1}/${steps.length}`, leftUnits });
      const name = nameOf(entry);
      if (outcome === "done") done.push(name);
      if (outcome === "skipped" || outcome === "refused") left.push(`${name} (${outcome})`);
      const unit = unitOf(entry);
      if (outcome === "skipped" && unit !== undefined) leftUnits.add(unit);
    }
    await removeMadeDirectories(host);
  } catch (error) {
    sayWhereItEnded(host, done);
    throw withoutStopped(error);
  }
  host.ui.say("");
  if (left.length === 0) host.ui.say("All of it is taken back; nothing of stiefelsystem is left.");
  else for (const name of left) host.ui.warn(`Still there: ${name}`);
  return { left };
}

/**
 * Prints what {@link undoSetup} would ask, as a result. Changes nothing. @param withDiffs every change in full, too
 */
export async function previewUndo(host: Host, { withDiffs = false } = {}): Promise<void> {
  const { journal } = host;
  const { entries } = journal.current;
  if (entries.length === 0) return await sayNothing(host);
  await demandCopies(host);
  const facts = await gatherUndoFacts(host, entries);
  const actions = planUndo({ journal: journal.current, facts, leftUnits: new Set() });
  const proposals: Proposal[] = [];
  for (const [index, action] of actions.entries()) {
    const position = `${index + 1}/${actions.length}`;
    if (isAsked(action)) proposals.push({ position, ...await undoKindOf(action).propose(host, action) });
    if (action.kind === "leave-file") proposals.push({ position, ...await proposeLeaving(host, action) });
  }
  await printDryRun(host.ui, proposals, { withDiffs });
  host.ui.say("");
  host.ui.say(`${actions.filter(isAsked).length} would be done. Nothing was changed.`);
}

async function proposeLeaving(
  host: Host,
  { entry, current }: Extract<UndoAction, { kind: "leave-file" }>,
): Promise<Omit<Proposal, "position">> {
  return {
    what: `leave ${entry.path}`,
    why: describeOwnWay(host, entry),
    effect: "changed after setup-server wrote it",
    change: await describeRestore(host, entry, current),
  };
}

/** Some of what setup-server installs, wherever it runs. */
const installedPaths = [configPath, stiefelsystemJsonPath, separateInitramfs, separateKernel, autokexecUnitPath];

/** A journal that was removed together with its copies leaves no trace but the files. */
async function sayNothing({ tree, ui }: Host): Promise<void> {
  const stillThere: HostPath[] = [];
  for (const path of installedPaths) if (await tree.exists(path)) stillThere.push(path);
  if (stillThere.length === 0) return ui.say("Nothing to undo: setup-server has changed nothing here.");
  ui.say("Nothing to undo: there is no journal of setup-server here.");
  ui.warn("Files that it installs are there, though. Without the journal they stay, and so does what they replaced:");
  for (const path of stillThere) ui.say(`    ${tree.prefix}${path}`);
  ui.say('    Hint: doc/host-changes.md, "When the journal is damaged"');
}

function sayWhereItEnded({ ui }: Host, done: readonly string[]): void {
  ui.say("");
  ui.say(done.length === 0 ? "Stopped; nothing was taken back." : "Stopped. Taken back so far:");
  for (const name of done) ui.say(`    ${name}`);
  ui.say(`To go on: ${commandToType("undo-setup", { asRoot: true })}`);
}

interface Step {
  readonly position: string;
  readonly leftUnits: ReadonlySet<string>;
}

/** @param noted as it was when undo began; what was undone before may have changed it */
async function undoEntry(host: Host, noted: JournalEntry, step: Step): Promise<UndoOutcome> {
  for (let shows = 1;; shows++) {
    const journal = host.journal.current;
    const entry = findSame(journal, noted) ?? noted;
    const facts = await gatherUndoFacts(host, [entry]);
    const action = decideUndo(entry, { journal, facts, leftUnits: step.leftUnits });
    if (!isAsked(action)) return await carryOut(host, action);
    const { position } = step;
    const proposal = { position, ...await undoKindOf(action).propose(host, action) };
    showProposal(host.ui, proposal);
    const answer = await askFor(host.ui, proposal);
    if (answer === "abort") throw new StoppedByUser();
    if (answer === "skip") return "skipped";
    try {
      await undoKindOf(action).perform(host, action);
      return "done";
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || action.kind !== "restore-file" || shows >= maximumShows) throw error;
      host.ui.warn(`${error.message}; here it is again`);
    }
  }
}

/** What needs no answer. */
async function carryOut(host: Host, action: Exclude<UndoAction, AskedAction>): Promise<UndoOutcome> {
  switch (action.kind) {
    case "nothing":
      return "nothing-to-do";
    case "forget": {
      const { entry } = action;
      if (entry.kind === "file") await finishFile(host, entry);
      else await host.journal.update((journal) => dropEntry(journal, entry));
      return "nothing-to-do";
    }
    case "keep-file":
      sayAlsoSkipped(host.ui, `${action.entry.path} (${action.unit} needs it)`);
      return "skipped";
    case "leave-file":
      await sayForeign(host, action);
      return "refused";
  }
}

async function sayForeign(
  host: Host,
  { entry, current }: Extract<UndoAction, { kind: "leave-file" }>,
): Promise<void> {
  const { ui } = host;
  ui.say("");
  ui.warn(`${entry.path} was changed after setup-server wrote it, and stays as it is`);
  ui.say("    What undoing it would change:");
  for (const line of await describeRestore(host, entry, current)) ui.say(`    ${line}`);
  ui.say(`    Hint: ${describeOwnWay(host, entry)}`);
}
