/** How a command ends: what it made, where, how large, and what to type next. */

import { capitalize } from "../capitalize.ts";
import { formatBytes } from "../format_bytes.ts";
import type { Ui } from "../ui.ts";

export { commandToType } from "../command_to_type.ts";

/** A file or folder that is there now. */
export interface MadeFile {
  /** A few words: "kernel", "configuration". */
  readonly what: string;
  /** Absolute path. */
  readonly path: string;
  /** Absent for a folder, or when the size is of no interest. */
  readonly sizeBytes?: number;
}

export interface Outcome {
  /** In the order in which a person wants to read them; may be empty. */
  readonly made: readonly MadeFile[];
  /**
   * Commands that can be pasted, in order; each with the reason why, when that is not obvious. Empty: there is nothing
   * to do next.
   */
  readonly next: readonly NextCommand[];
}

export interface NextCommand {
  readonly command: string;
  /** A few words that follow the command: "checks whether desktops can use this machine". */
  readonly why?: string;
}

/** Lines for people. Pure. */
export function describeOutcome({ made, next }: Outcome): readonly string[] {
  const width = Math.max(0, ...made.map(({ what }) => what.length));
  return [
    ...made.map(({ what, path, sizeBytes }) => {
      const size = sizeBytes === undefined ? "" : ` (${formatBytes(sizeBytes)})`;
      return `${capitalize(what).padEnd(width)}  ${path}${size}`;
    }),
    ...next.flatMap(({ command, why }, index) => [
      `${index === 0 ? "Next:" : "     "} ${command}`,
      ...why === undefined ? [] : [`      ${why}`],
    ]),
  ];
}

/** The last lines of a command, after an empty one. */
export function sayOutcome(ui: Pick<Ui, "say">, outcome: Outcome): void {
  ui.say("");
  for (const line of describeOutcome(outcome)) ui.say(line);
}
