/** What lends the disk in place of the laptop, where the image is built so (doc/fleet.md). */
import { UserError } from "../../lib/errors.ts";
import type { AgentSettings } from "../../lib/formats/agent_settings.ts";
import { type Engine, ENGINE_SECRET_PATH, type EngineSecret, parseEngineSecret } from "../../lib/formats/engine.ts";
import type { System } from "../../lib/system/system.ts";

export interface LendingEngine {
  readonly engine: Engine;
  /** By what it knows the desktop. */
  readonly secret?: EngineSecret;
}

/**
 * @param settingsPath the secret's file is beside it
 * @throws {UserError} when the file holds none
 */
export async function readLendingEngine(
  system: System,
  { engine }: AgentSettings,
  settingsPath = ENGINE_SECRET_PATH,
): Promise<LendingEngine | undefined> {
  if (engine === undefined) return undefined;
  const name = ENGINE_SECRET_PATH.slice(ENGINE_SECRET_PATH.lastIndexOf("/"));
  const path = settingsPath.slice(0, settingsPath.lastIndexOf("/")) + name;
  if (await system.stat(path) === undefined) return { engine };
  const secret = parseEngineSecret(await system.readText(path));
  if (secret === undefined) throw new UserError(`"${path}" holds no secret of an engine: build the image anew`);
  return { engine, secret };
}
