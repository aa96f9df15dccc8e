/** Goes through a plan with the user: inspect, show, ask, do, and say at the end what was done and what was not. */

import { StoppedByUser, withoutStopped } from "../errors.ts";
import { describeRun, describeWhereItEnded, idsWith, type Outcome, type RunSoFar } from "./apply_report.ts";
import { commandToType } from "../command_to_type.ts";
import { askFor, printDryRun, type Proposal, sayAlsoSkipped, showProposal } from "./ask.ts";
import type { Host } from "./host.ts";
import { backupDirectory, dropEntry, type JournalEntry } from "./journal.ts";
import { removeMadeDirectories } from "./made_directories.ts";
import type { Inspection } from "./operation.ts";
import { kindOf, type Operation } from "./operations/kinds.ts";
import { checkPlan, type Plan } from "./plan.ts";
import { ChangedMeanwhile } from "./replace_file.ts";

/** A file that changes again each time it was shown is given up on. */
const maximumShows = 3;

export interface ApplyReport {
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/**
 * @throws {StoppedByUser} on "abort" and Ctrl-C, after saying what was done; the journal is consistent
 * @throws {CommandError} when a program fails, after saying what was done; that stays
 */
export async function applyPlan(host: Host, plan: Plan): Promise<ApplyReport> {
  // What is in the way of the last step is an error before the first one.
  await inspectOperations(host, plan);
  const outcomes = new Map<string, Outcome>();
  const begun = new Set<string>();
  for (const notice of plan.notices) host.ui.warn(notice);
  try {
    for (const [index, operation] of plan.operations.entries()) {
      const position = `${index + 1}/${plan.operations.length}`;
      outcomes.set(operation.id, await handle(host, { plan, operation, position, outcomes, begun }));
    }
  } catch (error) {
    // What has ended it may be in the way here, too (a full disk); the first error is the one to tell.
    await settle(host).catch(() => {});
    sayWhereItEnded(host, plan, { outcomes, begun });
    throw withoutStopped(error);
  }
  await settle(host);
  host.ui.say("");
  host.ui.say(describeRun(outcomes));
  return { outcomes };
}

/**
 * What each operation would find, in order. Changes nothing.
 * @throws {UserError} when something is in the way, or what it needs cannot be read
 */
export async function inspectOperations(
  host: Host,
  plan: Plan,
): Promise<readonly { readonly operation: Operation; readonly inspection: Inspection }[]> {
  checkPlan(plan);
  const inspected: { readonly operation: Operation; readonly inspection: Inspection }[] = [];
  const changed = new Set<string>();
  for (const operation of plan.operations) {
    const inspection = await kindOf(operation).inspect(host, operation, changed);
    if (inspection.status !== "unchanged") changed.add(operation.id);
    inspected.push({ operation, inspection });
  }
  return inspected;
}

/**
 * Prints what {@link applyPlan} would ask, as a result. Changes nothing. @param withDiffs every change in full, too
 */
export async function previewPlan(host: Host, plan: Plan, { withDiffs = false } = {}): Promise<void> {
  const proposals = (await inspectOperations(host, plan)).flatMap(({ operation, inspection }, index) =>
    inspection.status === "unchanged"
      ? []
      : [proposalOf(operation, inspection, `${index + 1}/${plan.operations.length}`)]
  );
  await printDryRun(host.ui, proposals, { withDiffs });
  const unchanged = plan.operations.length - proposals.length;
  host.ui.say("");
  host.ui.say(`${proposals.length} would be done, ${unchanged} unchanged. Nothing was changed.`);
  // Not before the plan: a pager would take them from the screen.
  for (const notice of plan.notices) host.ui.warn(notice);
}

interface Step {
  readonly plan: Plan;
  readonly operation: Operation;
  readonly position: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** See {@link RunSoFar}. */
  readonly begun: Set<string>;
}

async function handle(host: Host, { plan, operation, position, outcomes, begun }: Step): Promise<Outcome> {
  const { ui } = host;
  const kind = kindOf(operation);
  const changed = new Set(idsWith(outcomes, "done"));
  for (let shows = 1;; shows++) {
    const inspection = await kind.inspect(host, operation, changed);
    if (inspection.status === "unchanged") return "unchanged";
    const missing = operation.needs.filter((id) => outcomes.get(id) === "skipped");
    if (missing.length > 0) {
      sayAlsoSkipped(ui, `${operation.what} (it needs ${missing.join(", ")})`);
      return "skipped";
    }
    const proposal = proposalOf(operation, inspection, position);
    showProposal(ui, proposal);
    const answer = await askFor(ui, proposal);
    if (answer === "abort") throw new StoppedByUser();
    if (answer === "skip") return "skipped";
    try {
      if (kind.isProgram) begun.add(operation.id);
      await noteWhatFollows(host, plan, operation);
      await kind.perform(host, operation, inspection);
      return "done";
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || shows >= maximumShows) throw error;
      ui.warn(`${error.message}; here it is again`);
    }
  }
}

function proposalOf(operation: Operation, inspection: Inspection, position: string): Proposal {
  const { what, why } = operation;
  return {
    position,
    what,
    why,
    effect: describeEffect(inspection),
    change: changeLines(inspection),
    ...(inspection.isForeign ? { isAskedAlways: true } : {}),
  };
}

/** In a dry run's line: what is there now, as far as it is of interest. */
function describeEffect({ status, isForeign }: Inspection): string {
  if (isForeign) return "changed after setup-server wrote it";
  return status === "new" || status === "changed" ? status : "";
}

function changeLines(inspection: Inspection): readonly string[] {
  const warning = inspection.isForeign
    ? [
      "This file was changed after setup-server wrote it; the changed version is",
      `kept in ${backupDirectory} until undo-setup.`,
    ]
    : [];
  return [...warning, ...inspection.change];
}

/** What follows from a file is noted before the file is changed: a run that ends in between does not forget it. */
async function noteWhatFollows(host: Host, plan: Plan, operation: Operation): Promise<void> {
  for (const command of plan.operations) {
    if (!("changedBy" in command)) continue;
    if (command.id !== operation.id && !command.changedBy.includes(operation.id)) continue;
    await kindOf(command).note?.(host, command, causesOf(plan, command.changedBy));
  }
}

function causesOf(plan: Plan, ids: readonly string[]): readonly string[] {
  return plan.operations.flatMap((operation) =>
    "path" in operation && ids.includes(operation.id) ? [operation.path] : []
  );
}

/**
 * Commands that were noted for files that were not changed after all are forgotten; a journal of nothing goes away.
 */
async function settle(host: Host): Promise<void> {
  const { journal } = host;
  const idle = listIdleCommands(journal.current.entries);
  if (idle.length > 0) await journal.update((current) => idle.reduce(dropEntry, current));
  if (journal.current.entries.every((entry) => entry.kind === "directory")) await removeMadeDirectories(host);
}

/** Commands for files that were not changed after all. Pure. */
function listIdleCommands(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  const paths = new Set(entries.flatMap((entry) => entry.kind === "file" ? [entry.path] : []));
  return entries.filter((entry) =>
    entry.kind === "command" && !entry.hasRun && !entry.causes.some((path) => paths.has(path))
  );
}

function sayWhereItEnded({ ui }: Host, plan: Plan, run: RunSoFar): void {
  ui.say("");
  const commands = {
    goOn: commandToType("setup-server", { asRoot: true }),
    takeBack: commandToType("undo-setup", { asRoot: true }),
  };
  for (const line of describeWhereItEnded(plan, run, commands)) ui.say(line);
}
