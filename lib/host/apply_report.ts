/** How far a run of setup-server has come, and what it says of it. Pure. */
import type { Plan } from "./plan.ts";

export type Outcome = "unchanged" | "done" | "skipped";

export interface RunSoFar {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Programs that were started; one that is not in the outcomes has not come to its end. */
  readonly begun: ReadonlySet<string>;
}

/** Ids of operations, in the order in which they came to their end. */
export function idsWith(outcomes: RunSoFar["outcomes"], outcome: Outcome): readonly string[] {
  return [...outcomes].filter(([, one]) => one === outcome).map(([id]) => id);
}

/** The last line of a run that came to its end. */
export function describeRun(outcomes: RunSoFar["outcomes"]): string {
  const count = (outcome: Outcome): number => idsWith(outcomes, outcome).length;
  const skipped = count("skipped") > 0 ? `, ${count("skipped")} skipped` : "";
  return `${count("done")} done, ${count("unchanged")} unchanged${skipped}.`;
}

export interface NextCommands {
  readonly goOn: string;
  readonly takeBack: string;
}

/** The last lines of a run that was stopped, or in which something failed. */
export function describeWhereItEnded(
  { operations }: Pick<Plan, "operations">,
  { outcomes, begun }: RunSoFar,
  commands: NextCommands,
): readonly string[] {
  const done = operations.filter(({ id }) => outcomes.get(id) === "done");
  const left = operations.filter(({ id }) => !outcomes.has(id));
  const broken = left.filter(({ id }) => begun.has(id));
  const open = left.filter(({ id }) => !begun.has(id));
  if (done.length + broken.length === 0) return ["Stopped; nothing was changed."];
  const lists = [
    [done, "Stopped. Done so far:"],
    [broken, done.length === 0 ? "Stopped. Begun, but not finished:" : "Begun, but not finished:"],
    [open, "Not looked at, or not done:"],
  ] as const;
  return [
    ...lists.flatMap(([list, title]) => list.length === 0 ? [] : [title, ...list.map(({ what }) => `    ${what}`)]),
    `To go on: ${commands.goOn}`,
    `To take it back: ${commands.takeBack}`,
  ];
}
