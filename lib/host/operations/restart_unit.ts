/**
 * Restarts a unit of the running system when something it reads has changed; undone by stopping it, where undo says
 * so.
 */

import type { Host } from "../host.ts";
import { dropEntry, findCommand } from "../journal.ts";
import type { Described, OperationKind } from "../operation.ts";
import type { UndoAction, UndoKind } from "../undo_action.ts";
import { type CommandToNote, inspectCommand, noteCommand, runNoted } from "./noted_command.ts";

export interface RestartUnit extends Described {
  readonly kind: "restart-unit";
  readonly unit: string;
  readonly changedBy: readonly string[];
  /** "stop": undo ends it, also where it was started without being enabled. The others: see repeat_command.ts. */
  readonly undo: "repeat" | "nothing" | "stop";
}

export const restartUnit: OperationKind<RestartUnit> = {
  kind: "restart-unit",
  isProgram: true,
  inspect: (host, operation, changed) => {
    const isNeeded = operation.changedBy.some((id) => changed.has(id)) ||
      findCommand(host.journal.current, operation.id)?.isNeeded === true;
    return Promise.resolve(inspectCommand(host, describe(operation).argv, isNeeded));
  },
  note: (host, operation, causes) => noteCommand(host, describe(operation), causes),
  perform: (host, operation) => runNoted(host, describe(operation)),
};

function describe(operation: RestartUnit): CommandToNote {
  return { ...operation, argv: ["systemctl", "restart", operation.unit], outputs: [] };
}

type StopUnit = Extract<UndoAction, { kind: "stop-unit" }>;

export const stopUnit: UndoKind<StopUnit> = {
  kind: "stop-unit",
  propose: (_host, { unit, startsAtBoot }) =>
    Promise.resolve({
      what: `stop ${unit}`,
      why: startsAtBoot
        ? "It was restarted, and its files go; what was there before starts at the next boot"
        : "It was started, and its files go",
      effect: "",
      change: [],
    }),
  perform: async (host: Host, { entry, unit }) => {
    await host.tree.run(["systemctl", "stop", unit], { timeoutMs: 2 * 60_000 });
    await host.journal.update((journal) => dropEntry(journal, entry));
  },
};
