/**
 * Undoes a command: it runs once more from the restored files, or what it has written goes; what was there before
 * comes back.
 */

import { CommandError } from "../../errors.ts";
import type { Host } from "../host.ts";
import { type CommandEntry, dropEntry, putEntry } from "../journal.ts";
import { putBack } from "../replace_file.ts";
import type { UndoAction, UndoKind } from "../undo_action.ts";
import { isReload, listRestorable } from "../undo_plan.ts";
import { readStates } from "../undo_facts.ts";
import { runWithProgress } from "./noted_command.ts";

type UndoCommand = Extract<UndoAction, { kind: "undo-command" }>;

export const repeatCommand: UndoKind<UndoCommand> = {
  kind: "undo-command",
  propose: (host, { entry, isRepeated }) =>
    Promise.resolve({
      what: isRepeated ? `${entry.what} again` : `remove what "${entry.what}" made`,
      why: isRepeated
        ? `So that it fits the restored files: ${host.tree.commandLine(entry.argv).join(" ")}`
        : "It is of no use any more",
      effect: "",
      change: entry.outputs.map((output) => output.path),
    }),
  perform: async (host, { entry, isRepeated, keepsResult }) => {
    // No other program has written these since our run; from here on the journal takes them as being changed by us.
    const restorable = listRestorable(entry, await readStates(host, entry.outputs.map(({ path }) => path)));
    await host.journal.update((journal) => putEntry(journal, { ...entry, isNeeded: true, outputs: restorable }));
    if (isRepeated) await repeat(host, entry);
    if (!keepsResult) {
      for (const output of restorable) await putBack(host, output, await host.tree.state(output.path));
      return await host.journal.update((journal) => dropEntry(journal, entry));
    }
    const outputs = await Promise.all(
      restorable.map(async (output) => ({ ...output, ours: await host.tree.state(output.path) })),
    );
    await host.journal.update((journal) => putEntry(journal, { ...entry, isNeeded: false, outputs }));
  },
};

async function repeat(host: Host, entry: CommandEntry): Promise<void> {
  try {
    await runWithProgress(host, `${entry.what} again`, entry.argv);
  } catch (error) {
    if (!isReload(entry) || !(error instanceof CommandError)) throw error;
    // Stopped or removed since: what does not run reads the restored files when it starts.
    host.ui.warn(`Could not ${entry.what}; it is not needed unless the program runs: ${error.message}`);
  }
}
