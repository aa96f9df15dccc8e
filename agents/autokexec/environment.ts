/** What the autokexec agent finds on the laptop: key, settings, name, and whether this is a desktop. */
import { describeError, ExitCode, UserError } from "../../lib/errors.ts";
import { type AutokexecSettings, parseAutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import { sessionStatePath } from "../../lib/formats/session_state.ts";
import { DISCOVERY_NAME_MAX_BYTES, importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { deriveKeys, SHARED_KEY_BYTES } from "../../lib/protocol/keys.ts";
import { toPrintable } from "../../lib/formats/text.ts";
import { readHostName } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { AutokexecOptions } from "./options.ts";

const hint = "Run setup-server again: it writes this file";

export interface AutokexecEnvironment {
  readonly discoveryKey: CryptoKey;
  readonly settings: AutokexecSettings;
  /** What the laptop calls itself towards desktops. */
  readonly name: string;
}

/**
 * Runs `cat`.
 * @returns undefined when this system runs on a desktop
 * @throws {UserError} exit code 2, when something is missing or broken: the unit does not start it again then
 */
export async function readAutokexecEnvironment(
  system: System,
  { keyPath, settingsPath }: AutokexecOptions,
): Promise<AutokexecEnvironment | undefined> {
  if (await system.stat(sessionStatePath) !== undefined) return undefined;
  const key = await read(`Cannot read the shared key "${keyPath}"`, () => system.readFile(keyPath));
  if (key.length !== SHARED_KEY_BYTES) {
    throw new UserError(`The shared key "${keyPath}" has ${key.length} bytes, wanted ${SHARED_KEY_BYTES}`, {
      hints: [hint],
      exitCode: ExitCode.usage,
    });
  }
  const settings = await read(
    `Cannot use the settings "${settingsPath}"`,
    async () => parseAutokexecSettings(await system.readText(settingsPath)),
  );
  const discoveryKey = await importDiscoveryKey((await deriveKeys(key)).discoveryKey);
  return {
    discoveryKey,
    settings,
    name: settings.name ?? toPrintable(await readHostName(system), DISCOVERY_NAME_MAX_BYTES),
  };
}

async function read<Value>(attempt: string, reading: () => Promise<Value>): Promise<Value> {
  try {
    return await reading();
  } catch (cause) {
    throw new UserError(`${attempt}: ${describeError(cause)}`, { cause, hints: [hint], exitCode: ExitCode.usage });
  }
}
