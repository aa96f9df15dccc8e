/** `undo-setup`: takes back what setup-server has done, so that nothing of it is left. */

import { ExitCode, quoteCommand, UserError } from "../../errors.ts";
import { openHost } from "../../host/host.ts";
import { lockTree } from "../../host/lock_tree.ts";
import { openHostTree } from "../../host/tree.ts";
import { undoSetup as undo } from "../../host/undo.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { commandToType } from "../../command_to_type.ts";
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
  const dryRun = options.dryRun ?? false;
  const tree = await openHostTree(system, options.root);
  await demandRoot(system, tree, { command: "undo-setup", dryRun });
  using _lock = dryRun ? undefined : await lockTree(system, ui, tree);
  const host = await openHost(system, ui, { tree });
  const { left } = await undo(host, { dryRun, withDiffs: options.withDiffs ?? false });
  const root = options.root === undefined ? {} : { arguments: `--root ${quoteCommand([options.root])}` };
  const asRoot = tree.isRunning;
  if (dryRun) {
    const command = commandToType("undo-setup", { asRoot, ...root });
    return sayOutcome(ui, { made: [], next: [{ command, why: "does it, asking first" }] });
  }
  if (left.length === 0) {
    const command = commandToType("setup-server", { asRoot, ...root });
    return sayOutcome(ui, { made: [], next: [{ command, why: "sets it up" }] });
  }
  throw new UserError(`Not all was taken back: ${left.length} left`, {
    hints: ['What is left is named above; "undo-setup" can be run again at any time'],
    exitCode: ExitCode.failed,
  });
}
