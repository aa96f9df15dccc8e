/** Shows a change and asks for it; the same for setting up and for undoing. */

import type { Answer, Ui } from "../ui.ts";
import { colorChange } from "./diff.ts";
import { wrapLine } from "./wrap_line.ts";

/** A longer change is cut before the question; "d" shows all of it. */
const shownLines = 40;

export interface Proposal {
  /** "3/14", or empty. */
  readonly position: string;
  /** A few words: "write /etc/x". */
  readonly what: string;
  readonly why: string;
  /** Lines without colour. */
  readonly change: readonly string[];
}

/** What and why, and the change as far as it fits. */
export function showProposal(ui: Ui, proposal: Proposal, { isWhole }: { readonly isWhole: boolean }): void {
  const position = proposal.position === "" ? "" : `[${proposal.position}] `;
  ui.say("");
  ui.say(`${position}${capitalize(proposal.what)}`);
  for (const line of wrapLine(`    ${proposal.why}`, 4)) ui.say(line);
  const lines = paint(ui, proposal.change);
  const isCut = !isWhole && lines.length > shownLines;
  for (const line of isCut ? lines.slice(0, shownLines - 5) : lines) ui.say(line);
  if (isCut) ui.say(`    … ${lines.length - shownLines + 5} more lines`);
}

/** @throws {StoppedByUser} on Ctrl-C or a closed input */
export async function askFor(ui: Ui, proposal: Proposal): Promise<Answer> {
  const details = paint(ui, proposal.change).join("\n");
  return await ui.ask({ text: "Do it", ...(details === "" ? {} : { details }) });
}

/** What follows from another no. */
export function sayAlsoSkipped(ui: Ui, what: string): void {
  ui.say("");
  for (const line of wrapLine(`Skipped as well: ${what}`, 4)) ui.say(line);
}

function paint(ui: Ui, change: readonly string[]): readonly string[] {
  return (ui.color ? colorChange(change) : change).map((line) => `    ${line}`);
}

export function capitalize(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
