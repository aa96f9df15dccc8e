/**
 * `doctor`: looks whether a laptop, or a system that is mounted here, can be used from a desktop, and says what to do
 * where it cannot. Changes nothing.
 */

import { formatDiagnostic } from "../../config/diagnostics.ts";
import { readConfigFile } from "../../config_file.ts";
import { UserError } from "../../errors.ts";
import { countChecks, formatChecks, nameErrors } from "../../doctor/check.ts";
import { examineHost } from "../../doctor/doctor.ts";
import { openHostTree } from "../../host/tree.ts";
import type { System } from "../../system/system.ts";
import { formatJsonResult } from "../json_results.ts";
import { needingRoot } from "../needing_root.ts";
import type { Ui } from "../../ui.ts";

export interface DoctorOptions {
  readonly configPath: string;
  readonly keyPath: string;
  readonly buildDirectory: string;
  /** The system to look at. Default "/", the running one. */
  readonly root?: string;
  readonly isJson?: boolean;
}

/**
 * Needs read access to the host and the artifacts, and the programs named at `examineHost`; as root it sees more.
 * @throws {UserError} when a check ended with an error
 */
export async function doctor(system: System, ui: Ui, options: DoctorOptions): Promise<void> {
  const tree = await openHostTree(system, options.root);
  const { config, warnings } = await readConfigFile(system, options.configPath);
  for (const warning of warnings) ui.warn(formatDiagnostic(warning, options.configPath, { isLabelled: true }));
  const checks = await needingRoot("doctor", examineHost(system, tree, { ...options, config }));
  const isUsable = checks.every(({ level }) => level !== "error");
  const { columns } = ui.screen();
  if (options.isJson) ui.result(formatJsonResult({ version: 1, isUsable, checks: [...checks] }));
  else for (const line of formatChecks(checks, columns)) ui.result(line);
  for (const line of nameErrors(checks, columns)) ui.say(line);
  const summary = countChecks(checks);
  if (!isUsable) throw new UserError(`Not usable from a desktop yet: ${summary}`);
  ui.say(checks.every(({ level }) => level === "ok") ? "All is well" : `Usable; ${summary}`);
}
