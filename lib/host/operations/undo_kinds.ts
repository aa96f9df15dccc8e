/** What undo may do after a question: one row each, in the file of what it takes back. */

import type { UndoAction, UndoKind } from "../undo_action.ts";
import { disableUnit } from "./enable_unit.ts";
import { repeatCommand } from "./repeat_command.ts";
import { stopUnit } from "./restart_unit.ts";
import { restoreFile } from "./restore_file.ts";

const undoKinds = {
  "disable-unit": disableUnit,
  "stop-unit": stopUnit,
  "restore-file": restoreFile,
  "undo-command": repeatCommand,
} as const;

/** Actions that a person is asked for. */
export type AskedAction = Extract<UndoAction, { kind: keyof typeof undoKinds }>;

export function isAsked(action: UndoAction): action is AskedAction {
  return action.kind in undoKinds;
}

export function undoKindOf<Action extends AskedAction>({ kind }: Action): UndoKind<Action> {
  // The row of this kind takes actions of this kind, which TypeScript cannot follow through an index.
  return undoKinds[kind] as unknown as UndoKind<Action>;
}
