/** What one check of `doctor` says. Pure. */

import { commandToType } from "../command_to_type.ts";
import { wrapLine } from "../host/wrap_line.ts";

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
export const warning = (found: string, cure: string): Verdict => ({ level: "warning", found, cure });
export const error = (found: string, cure: string): Verdict => ({ level: "error", found, cure });

/** A title, and how facts are judged. */
export type CheckOf<Facts> = readonly [title: string, decide: (facts: Facts) => Verdict];

export function runChecks<Facts>(checks: readonly CheckOf<Facts>[], facts: Facts): readonly Check[] {
  return checks.map(([title, decide]) => ({ title, ...decide(facts) }));
}

const marks: Readonly<Record<CheckLevel, string>> = { ok: "ok", unknown: "?", warning: "warn", error: "ERROR" };

/** Checks as lines of at most 80 columns where words allow. */
export function formatChecks(list: readonly Check[]): readonly string[] {
  const width = Math.max(...list.map((check) => check.title.length));
  return list.flatMap(({ level, title, found, cure }) => [
    ...wrapLine(`${marks[level].padEnd(6)}${title.padEnd(width)}  ${found}`, width + 8),
    ...cure === undefined ? [] : wrapLine(`${" ".repeat(width + 8)}-> ${cure}`, width + 11),
  ]);
}
