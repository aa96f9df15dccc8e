/**
 * How help and usage errors are laid out: as wide as the terminal, without colours. Pure, but for asking the width.
 */

import process from "node:process";
import { Help } from "@commander-js/extra-typings";

/** What a terminal without a size (a serial line, `script` without a terminal) gets. */
const usualColumns = 80;
/** Below that, words do not fit beside each other any more; the terminal breaks the lines itself. */
const fewestColumns = 20;
/** A description that has less than this beside its option stands below it. */
const besideColumns = 32;

/** @param columns what the stream says; 0 and undefined mean that it does not know */
function helpWidth(columns: number | undefined): number {
  return columns === undefined || columns <= 0 ? usualColumns : Math.max(fewestColumns, columns);
}

/** For `Command.configureHelp`. */
export const helpLayout = { minWidthToWrap: fewestColumns - 4, formatItem, styleUsage } as const;

/**
 * For `Command.configureOutput`. Help has no colours, so Commander need not find out whether the terminal has them: it
 * would ask Node, which reads some thirty environment variables that no command is granted.
 */
export const helpOutput = {
  getOutHasColors: () => false,
  getErrHasColors: () => false,
  getOutHelpWidth: () => helpWidth(process.stdout.isTTY ? process.stdout.columns : undefined),
  getErrHelpWidth: () => helpWidth(process.stderr.isTTY ? process.stderr.columns : undefined),
  outputError: (text: string, write: (text: string) => void) =>
    write(process.stderr.isTTY ? wrapText(text, helpWidth(process.stderr.columns)) : text),
} as const;

function formatItem(this: Help, term: string, termWidth: number, description: string, helper: Help): string {
  const columns = this.helpWidth ?? usualColumns;
  if (description === "" || columns - termWidth - 4 >= besideColumns) {
    return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
  }
  const lines = helper.boxWrap(description, columns - 6).split("\n");
  return [`  ${term}`, ...lines.map((line) => `      ${line}`)].join("\n");
}

/** The words after "Usage: ". */
function styleUsage(this: Help, usage: string): string {
  const indent = "Usage: ".length;
  return wrapText(usage, (this.helpWidth ?? usualColumns) - indent).replaceAll("\n", `\n${" ".repeat(indent)}`);
}

/** @param columns that no line exceeds, unless a single word does */
export function wrapText(text: string, columns: number): string {
  const help = new Help();
  help.minWidthToWrap = 1;
  return help.boxWrap(text, columns);
}
