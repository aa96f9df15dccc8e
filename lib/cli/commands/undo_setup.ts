/** `undo-setup`: takes back what setup-server has done, so that nothing of it is left. */

import { ExitCode, UserError } from "../../errors.ts";
import { openHost } from "../../host/host.ts";
import { undoSetup as undo } from "../../host/undo.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
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
  const host = await openHost(system, ui, options.root === undefined ? {} : { root: options.root });
  await demandRoot(system, host.tree, { dryRun });
  const { left } = await undo(host, { dryRun, withDiffs: options.withDiffs ?? false });
  if (dryRun || left.length === 0) return;
  throw new UserError(`Not all was taken back: ${left.length} left`, {
    hints: ['What is left is named above; "undo-setup" can be run again at any time'],
    exitCode: ExitCode.failed,
  });
}
