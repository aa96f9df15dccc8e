/** What one check of `doctor` says. Pure. */

import { commandToType } from "../command_to_type.ts";
import { wrapLine } from "../wrap_line.ts";

/** "unknown": doctor could not look; what it did not see is never "ok". */
export type CheckLevel = "ok" | "unknown" | "warning" | "error";

export interface Verdict {
  readonly level: CheckLevel;
  readonly found: string;
  /** A concrete next step; absent when all is well. */
  readonly cure?: string;
}

export interface Check extends Verdict {
  readonly title: string;
}

export const ok = (found: string): Verdict => ({ level: "ok", found });
export const unknown = (found: string, cure: string): Verdict => ({ level: "unknown", found, cure });
/** What root would see. @param more what else the cure takes: ", with nft installed" */
export const hidden = (found: string, more = ""): Verdict =>
  unknown(found, `Run ${commandToType("doctor", { asRoot: true })}${more}`);
/** The cure for what a mounted system does not show. */
export const onTheLaptop = "Run doctor on the laptop, when its own system runs";
export const warning = (found: string, cure: string): Verdict => ({ level: "warning", found, cure });
export const error = (found: string, cure: string): Verdict => ({ level: "error", found, cure });

/** A title, and how facts are judged. */
export type CheckOf<Facts> = readonly [title: string, decide: (facts: Facts) => Verdict];

export function runChecks<Facts>(checks: readonly CheckOf<Facts>[], facts: Facts): readonly Check[] {
  return checks.map(([title, decide]) => ({ title, ...decide(facts) }));
}

const marks: Readonly<Record<CheckLevel, string>> = { ok: "ok", unknown: "?", warning: "warn", error: "ERROR" };

/** Where less than this is left beside the titles, what was found stands below them. */
const minimumColumns = 30;

/** Checks as lines of a terminal with so many columns, at most 80, where words allow. */
export function formatChecks(list: readonly Check[], columns?: number): readonly string[] {
  const width = Math.max(...list.map((check) => check.title.length));
  const isNarrow = columns !== undefined && columns < width + 8 + minimumColumns;
  const indent = isNarrow ? 6 : width + 8;
  return list.flatMap(({ level, title, found, cure }) => [
    ...isNarrow
      ? [`${marks[level].padEnd(6)}${title}`, ...wrapLine(`${" ".repeat(indent)}${found}`, indent, columns)]
      : wrapLine(`${marks[level].padEnd(6)}${title.padEnd(width)}  ${found}`, indent, columns),
    ...cure === undefined ? [] : formatCure(cure, indent, columns),
  ]);
}

/** A command to copy, which no sentence is: "apt-get install udev kexec-tools". */
const pasted = /^[a-z-]+ [^,;:]*$/;

function formatCure(cure: string, indent: number, columns?: number): readonly string[] {
  const line = `${" ".repeat(indent)}-> ${cure}`;
  return pasted.test(cure) ? [line] : wrapLine(line, indent + 3, columns);
}

/** The names of the checks that ended with an error, as lines; none without any. The first may have scrolled off. */
export function nameErrors(list: readonly Check[], columns?: number): readonly string[] {
  const titles = list.filter(({ level }) => level === "error").map(({ title }) => title);
  return titles.length === 0 ? [] : wrapLine(`In the way: ${titles.join(", ")}`, 12, columns);
}

/** How many checks ended with what. */
export function countChecks(list: readonly Check[]): string {
  const count = (level: CheckLevel): number => list.filter((check) => check.level === level).length;
  const counted = (level: CheckLevel, word: string): string =>
    `${count(level)} ${word}${count(level) === 1 ? "" : "s"}`;
  const unseen = count("unknown") === 0 ? [] : [`${count("unknown")} not seen`];
  return [counted("error", "error"), counted("warning", "warning"), ...unseen].join(", ");
}
