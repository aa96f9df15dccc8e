/** Shows a change and asks for it; the same for setting up and for undoing. */

import { capitalize } from "../capitalize.ts";
import type { Answer, Ui } from "../ui.ts";
import { colorChange } from "./diff.ts";
import { wrapLine } from "../wrap_line.ts";

/** Without a terminal a longer change is cut before the question. */
const shownLines = 40;
/** Lines of a terminal that the heading, the reason, the question and its answers take at least. */
const otherRows = 10;
const leastShownRows = 5;

export interface Proposal {
  /** "3/14", or empty. */
  readonly position: string;
  /** A few words: "write /etc/x". */
  readonly what: string;
  readonly why: string;
  /** What it does to what is there, in a word or two: "new", "changed"; or empty. */
  readonly effect: string;
  /** Lines without colour. */
  readonly change: readonly string[];
  /** It takes away what the user or another program has made: an "all" given before is no answer to it. */
  readonly isAskedAlways?: boolean;
}

/** What and why, and the change as far as the question after it leaves room for. */
export function showProposal(ui: Ui, proposal: Proposal): void {
  const { columns, rows } = ui.screen();
  ui.say("");
  ui.say(headingOf(proposal));
  const why = wrapLine(`    ${proposal.why}`, 4, columns);
  for (const line of why) ui.say(line);
  const room = rows === undefined
    ? { lines: shownLines, columns: Infinity }
    : { lines: Math.max(leastShownRows, rows - otherRows - why.length), columns };
  const shown = countFitting(proposal.change, room);
  for (const line of paint(ui, proposal.change.slice(0, shown))) ui.say(line);
  const left = proposal.change.length - shown;
  if (left > 0) ui.say(`    … ${left} more lines; "d" shows all`);
}

/** @throws {StoppedByUser} on Ctrl-C or a closed input */
export async function askFor(ui: Ui, proposal: Proposal): Promise<Answer> {
  const details = paint(ui, proposal.change).join("\n");
  return await ui.ask({
    text: headingOf(proposal),
    ...(details === "" ? {} : { details }),
    ...(proposal.isAskedAlways ? { isAskedAlways: true } : {}),
  });
}

/** What follows from another no. */
export function sayAlsoSkipped(ui: Ui, what: string): void {
  ui.say("");
  for (const line of wrapLine(`Skipped as well: ${what}`, 4, ui.screen().columns)) ui.say(line);
}

/**
 * A plan as a dry run prints it: one line a step; with `withDiffs` then each step with its reason and its change.
 * @param color for the changes
 */
function formatDryRun(
  proposals: readonly Proposal[],
  { withDiffs, color }: { readonly withDiffs: boolean; readonly color: boolean },
): readonly string[] {
  const steps = proposals.map((proposal) =>
    `${headingOf(proposal)}${proposal.effect === "" ? "" : ` (${proposal.effect})`}`
  );
  if (!withDiffs) return steps;
  const details = proposals.flatMap((proposal) => {
    const change = color ? colorChange(proposal.change) : proposal.change;
    return ["", headingOf(proposal), ...wrapLine(`    ${proposal.why}`, 4), ...change.map((line) => `    ${line}`)];
  });
  return [...steps, ...details];
}

/** The plan on standard output; nothing at all when there is nothing to do. */
export async function printDryRun(
  ui: Ui,
  proposals: readonly Proposal[],
  { withDiffs = false }: { readonly withDiffs?: boolean },
): Promise<void> {
  if (proposals.length === 0) return;
  await ui.page(formatDryRun(proposals, { withDiffs, color: ui.color }).join("\n"));
}

/** How many lines fit into so many of the terminal; one too long by a single line is not cut for it. */
function countFitting(lines: readonly string[], room: { readonly lines: number; readonly columns: number }): number {
  let rows = 0;
  const ends = lines.map((line) => rows += Math.max(1, Math.ceil((line.length + 4) / room.columns)));
  if (rows <= room.lines) return lines.length;
  return ends.filter((end) => end < room.lines).length;
}

function headingOf({ position, what }: Proposal): string {
  return `${position === "" ? "" : `[${position}] `}${capitalize(what)}`;
}

function paint(ui: Ui, change: readonly string[]): readonly string[] {
  return (ui.color ? colorChange(change) : change).map((line) => `    ${line}`);
}
