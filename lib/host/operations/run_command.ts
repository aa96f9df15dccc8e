/** Runs a program that brings something up to date from files. Undone by repeat_command.ts. */

import type { Host } from "../host.ts";
import type { HostPath } from "../host_path.ts";
import { findCommand } from "../journal.ts";
import type { Described, OperationKind } from "../operation.ts";
import { type CommandToNote, inspectCommand, noteCommand, type OutputPattern, runNoted } from "./noted_command.ts";

/** A program that brings something up to date from files; running it twice does no harm. */
export interface RunCommand extends Described {
  readonly kind: "run-command";
  readonly argv: readonly string[];
  /** Operations that make it necessary; when none of them changed anything, it is not run. */
  readonly changedBy: readonly string[];
  /** What it writes: kept before, put back by undo when no other program has written it since. */
  readonly outputs: readonly OutputPattern[];
  /**
   * "repeat": the same command brings things up to date after the files are restored. "nothing": restoring the outputs
   * is all; they are one file each, which only what we have installed writes, and which is called NAME.new until it
   * is done.
   */
  readonly undo: "repeat" | "nothing";
}

export const runCommand: OperationKind<RunCommand> = {
  kind: "run-command",
  isProgram: true,
  inspect: async (host, operation, changed) => {
    const isNeeded = operation.changedBy.some((id) => changed.has(id)) || await isOutdated(host, operation);
    return inspectCommand(host, operation.argv, isNeeded);
  },
  note: (host, operation, causes) => noteCommand(host, describe(operation), causes),
  perform: (host, operation) => runNoted(host, describe(operation)),
};

function describe(operation: RunCommand): CommandToNote {
  return operation.undo === "nothing" ? { ...operation, ownPaths: listOwnPaths(operation) } : operation;
}

function listOwnPaths({ outputs }: RunCommand): readonly HostPath[] {
  const places = outputs.map(({ directory, startsWith, endsWith }) => `${directory}/${startsWith}${endsWith}`);
  return places.flatMap((place) => [place, `${place}.new`]);
}

/** Whether a command has to run although nothing it reads changes now. */
async function isOutdated(host: Host, operation: RunCommand): Promise<boolean> {
  const entry = findCommand(host.journal.current, operation.id);
  if (entry?.isNeeded) return true;
  // Another kernel than the last time.
  if (entry?.hasRun && entry.argv.join("\0") !== operation.argv.join("\0")) return true;
  return operation.undo === "nothing" && !await hasOutputs(host, operation);
}

/** Whether all that it writes is there: of a command with undo "nothing", one file each. */
async function hasOutputs({ tree }: Host, { outputs }: RunCommand): Promise<boolean> {
  for (const { directory, startsWith, endsWith, isOptional = false } of outputs) {
    if (!isOptional && !await tree.exists(`${directory}/${startsWith}${endsWith}`)) return false;
  }
  return true;
}
