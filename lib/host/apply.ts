/** Goes through a plan with the user: inspect, show, ask, do, and say at the end what was done and what was not. */

import { StoppedByUser } from "../errors.ts";
import { askFor, printDryRun, type Proposal, sayAlsoSkipped, showProposal } from "./ask.ts";
import type { Host } from "./host.ts";
import { inspect, type Inspection } from "./inspect.ts";
import { backupDirectory, dropEntry } from "./journal.ts";
import { removeMadeDirectories } from "./made_directories.ts";
import { checkPlan, type Operation, type Plan } from "./operation.ts";
import { ChangedMeanwhile, noteCommand, perform } from "./perform.ts";

/** A file that changes again each time it was shown is given up on. */
const maximumShows = 3;

export interface ApplyOptions {
  /** Print the plan as a result, ask and change nothing. */
  readonly dryRun?: boolean;
  /** A dry run shows every change, too. */
  readonly withDiffs?: boolean;
}

export type Outcome = "unchanged" | "done" | "skipped" | "shown";

export interface ApplyReport {
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/**
 * @throws {StoppedByUser} on "abort" and Ctrl-C, after saying what was done; the journal is consistent
 * @throws {CommandError} when a program fails; what was done before stays, and is said
 */
export async function applyPlan(host: Host, plan: Plan, options: ApplyOptions = {}): Promise<ApplyReport> {
  checkPlan(plan);
  const outcomes = new Map<string, Outcome>();
  const begun = new Set<string>();
  const shown: Proposal[] = [];
  for (const notice of plan.notices) host.ui.warn(notice);
  try {
    for (const [index, operation] of plan.operations.entries()) {
      const position = `${index + 1}/${plan.operations.length}`;
      outcomes.set(operation.id, await handle(host, { plan, operation, position, outcomes, begun, shown, options }));
    }
  } catch (error) {
    // A dry run is ended by what the plan cannot do; there is nothing to sum up.
    if (options.dryRun) throw error;
    // What has ended it may be in the way here, too (a full disk); the first error is the one to tell.
    await settle(host).catch(() => {});
    sayWhereItEnded(host, plan, { outcomes, begun });
    throw error;
  }
  if (!options.dryRun) await settle(host);
  else await printDryRun(host.ui, shown, options);
  sayResult(host, outcomes, options);
  return { outcomes };
}

interface Step {
  readonly plan: Plan;
  readonly operation: Operation;
  readonly position: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Programs that were started; who is not in the outcomes has not come to its end. */
  readonly begun: Set<string>;
  /** What a dry run would have asked. */
  readonly shown: Proposal[];
  readonly options: ApplyOptions;
}

async function handle(host: Host, step: Step): Promise<Outcome> {
  const { operation, outcomes, options } = step;
  const { ui } = host;
  const changed = new Set(
    [...outcomes].filter(([, outcome]) => outcome === "done" || outcome === "shown").map(([id]) => id),
  );
  for (let shows = 1;; shows++) {
    const inspection = await inspect(host, operation, changed);
    if (inspection.status === "unchanged") return "unchanged";
    const missing = operation.needs.filter((id) => outcomes.get(id) === "skipped");
    if (missing.length > 0) {
      sayAlsoSkipped(ui, `${operation.what} (it needs ${missing.join(", ")})`);
      return "skipped";
    }
    const proposal: Proposal = {
      ...operation,
      position: step.position,
      effect: describeEffect(inspection),
      change: changeLines(inspection),
      ...(inspection.isForeign ? { isAskedAlways: true } : {}),
    };
    if (options.dryRun) {
      step.shown.push(proposal);
      return "shown";
    }
    showProposal(ui, proposal);
    const answer = await askFor(ui, proposal);
    if (answer === "abort") throw new StoppedByUser();
    if (answer === "skip") return "skipped";
    try {
      if (operation.kind !== "write-file" && operation.kind !== "remove-file") step.begun.add(operation.id);
      await carryOut(host, step.plan, operation, inspection);
      return "done";
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile) || shows >= maximumShows) throw error;
      ui.warn(`${error.message}; here it is again`);
    }
  }
}

/** In a dry run's line: what is there now, as far as it is of interest. */
function describeEffect({ status, isForeign }: Inspection): string {
  if (isForeign) return "changed by somebody else since";
  return status === "new" || status === "changed" ? status : "";
}

function changeLines(inspection: Inspection): readonly string[] {
  const warning = inspection.isForeign
    ? [
      "Somebody has changed this file since setup-server wrote it; that version is",
      `kept in ${backupDirectory} until undo-setup.`,
    ]
    : [];
  return [...warning, ...inspection.change];
}

/** What follows from a file is noted before the file is changed: a run that ends in between does not forget it. */
async function carryOut(host: Host, plan: Plan, operation: Operation, inspection: Inspection): Promise<void> {
  for (const command of plan.operations) {
    const isCommand = command.kind === "run-command" || command.kind === "restart-unit";
    if (!isCommand || (command.id !== operation.id && !command.changedBy.includes(operation.id))) continue;
    await noteCommand(host, command, causesOf(plan, command.changedBy));
  }
  const { before, after } = inspection;
  await perform(host, operation, before === undefined || after === undefined ? undefined : { before, after });
}

function causesOf(plan: Plan, ids: readonly string[]): readonly string[] {
  return plan.operations.flatMap((operation) => {
    const isFile = operation.kind === "write-file" || operation.kind === "remove-file";
    return isFile && ids.includes(operation.id) ? [operation.path] : [];
  });
}

/** Commands that were noted for files that were not changed after all are forgotten; a journal of nothing goes away. */
async function settle(host: Host): Promise<void> {
  const { journal } = host;
  const { entries } = journal.current;
  const paths = new Set(entries.flatMap((entry) => entry.kind === "file" ? [entry.path] : []));
  const idle = entries.filter((entry) => {
    return entry.kind === "command" && !entry.hasRun && !entry.causes.some((path) => paths.has(path));
  });
  if (idle.length > 0) await journal.update((current) => idle.reduce(dropEntry, current));
  if (journal.current.entries.every((entry) => entry.kind === "directory")) await removeMadeDirectories(host);
}

function idsWith(outcomes: ReadonlyMap<string, Outcome>, wanted: Outcome): readonly string[] {
  return [...outcomes].filter(([, outcome]) => outcome === wanted).map(([id]) => id);
}

function sayWhereItEnded({ ui }: Host, plan: Plan, { outcomes, begun }: Pick<Step, "outcomes" | "begun">): void {
  const done = idsWith(outcomes, "done").map((id) => whatOf(plan, id));
  const left = plan.operations.filter(({ id }) => !outcomes.has(id));
  const broken = left.filter(({ id }) => begun.has(id)).map(({ what }) => what);
  const open = left.filter(({ id }) => !begun.has(id)).map(({ what }) => what);
  ui.say("");
  if (done.length + broken.length === 0) return ui.say("Stopped; nothing was changed.");
  const lists = [
    [done, "Stopped. Done so far:"],
    [broken, done.length === 0 ? "Stopped. Begun, but not ended:" : "Begun, but not ended:"],
    [open, "Not looked at, or not done:"],
  ] as const;
  for (const [list, title] of lists) {
    if (list.length > 0) ui.say(title);
    for (const what of list) ui.say(`    ${what}`);
  }
  ui.say('To go on, run "setup-server" again; to take it back, run "undo-setup".');
}

function whatOf(plan: Plan, id: string): string {
  return plan.operations.find((operation) => operation.id === id)?.what ?? id;
}

function sayResult({ ui }: Host, outcomes: ReadonlyMap<string, Outcome>, { dryRun }: ApplyOptions): void {
  const count = (outcome: Outcome): number => idsWith(outcomes, outcome).length;
  const parts = [
    dryRun ? `${count("shown")} would be done` : `${count("done")} done`,
    `${count("unchanged")} unchanged`,
    ...count("skipped") > 0 ? [`${count("skipped")} skipped`] : [],
  ];
  ui.say("");
  ui.say(`${parts.join(", ")}.${dryRun ? " Nothing was changed." : ""}`);
}
