/** `undo-setup`: takes back what setup-server has done, so that nothing of it is left. */

import { ExitCode, UserError } from "../../errors.ts";
import { openHost } from "../../host/host.ts";
import { lockTree } from "../../host/lock_tree.ts";
import { openHostTree } from "../../host/tree.ts";
import { previewUndo, undoSetup as undo } from "../../host/undo.ts";
import { createReadOnlySystem } from "../../system/read_only.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { commandToType } from "../../command_to_type.ts";
import { needingRoot } from "../needing_root.ts";
import { sayOutcome } from "../outcome.ts";
import { demandRoot } from "./setup_server.ts";

export interface UndoSetupOptions {
  /** The system that was set up. Default "/", the running one. */
  readonly root?: string;
  readonly dryRun?: boolean;
  /** A dry run shows every change, too. */
  readonly withDiffs?: boolean;
}

/**
 * Needs read and write access to the host, and the programs named in doc/host-changes.md.
 * @throws {UserError} when something had to be left
 * @throws {StoppedByUser} on "abort" and Ctrl-C
 */
export async function undoSetup(system: System, ui: Ui, options: UndoSetupOptions = {}): Promise<void> {
  const work = options.dryRun ? showUndo(createReadOnlySystem(system), ui, options) : takeBack(system, ui, options);
  await needingRoot("undo-setup", work, options.dryRun ? { arguments: "--dry-run" } : {});
}

async function takeBack(system: System, ui: Ui, options: UndoSetupOptions): Promise<void> {
  const tree = await openHostTree(system, options.root);
  await demandRoot(system, tree, "undo-setup");
  using _lock = await lockTree(system, ui, tree);
  const { left } = await undo(await openHost(system, ui, { tree }));
  const asRoot = tree.isRunning;
  if (left.length === 0) {
    const command = commandToType("setup-server", { asRoot });
    return sayOutcome(ui, { made: [], next: [{ command, why: "sets it up" }] });
  }
  throw new UserError(`Not everything was taken back: ${left.length} left`, {
    hints: ['What is left is named above; "undo-setup" can be run again at any time'],
    exitCode: ExitCode.failed,
  });
}

/** The dry run: what undo would ask for. */
async function showUndo(system: System, ui: Ui, options: UndoSetupOptions): Promise<void> {
  const tree = await openHostTree(system, options.root);
  await previewUndo(await openHost(system, ui, { tree }), { withDiffs: options.withDiffs ?? false });
  const command = commandToType("undo-setup", { asRoot: tree.isRunning });
  sayOutcome(ui, { made: [], next: [{ command, why: "does it, asking first" }] });
}
