/** What an agent finds in its image: key, settings, kernel parameters. */
import { ExitCode, ProtocolError, UserError } from "../../lib/errors.ts";
import {
  AGENT_KEY_PATH,
  AGENT_SETTINGS_PATH,
  type AgentSettings,
  parseAgentSettings,
} from "../../lib/formats/agent_settings.ts";
import { parseStiefelParameters, type Role, type StiefelParameters } from "../../lib/formats/kernel_command_line.ts";
import { importDiscoveryKey } from "../../lib/protocol/discovery.ts";
import { NAME_MAX_BYTES } from "../../lib/protocol/boot_exchange.ts";
import { toPrintable } from "../../lib/formats/text.ts";
import { deriveKeys, keyFingerprint, SHARED_KEY_BYTES } from "../../lib/protocol/keys.ts";
import { readMachineFacts } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";

/** The keys of the protocol, as its parts take them. */
export interface AgentKeys {
  readonly discoveryKey: CryptoKey;
  readonly bootPsk: Uint8Array;
  /** Of which the others are derived. */
  readonly sharedKey: Uint8Array;
}

export interface Environment {
  readonly keys: AgentKeys;
  /** By which people tell the shared key from another one. */
  readonly keyFingerprint: string;
  readonly settings: AgentSettings;
  readonly parameters: StiefelParameters;
  /** Kernel parameters that look like ours and are not known. */
  readonly unknownParameters: readonly string[];
  /** What this machine calls itself towards others: the settings' name, else its model. */
  readonly machineName: string;
}

export interface EnvironmentOptions {
  readonly role: Role;
  /** Default: the places inside the image. */
  readonly keyPath?: string | undefined;
  readonly settingsPath?: string | undefined;
}

const defaultSettings: AgentSettings = { version: 1, boot: {}, onEnd: "reboot" };

/**
 * Reads all of it. Runs `cat`.
 * @throws {UserError} with a next step when something is missing or broken
 */
export async function readEnvironment(system: System, options: EnvironmentOptions): Promise<Environment> {
  const { keys, fingerprint } = await readKeys(system, options.keyPath ?? AGENT_KEY_PATH);
  const settings = await readSettings(system, options.settingsPath);
  const { commandLine, model } = await readMachineFacts(system);
  try {
    // Outside of the image (a container, a test) the kernel's command line names no role: ours comes first, and a role
    // there would win.
    const { parameters, unknown } = parseStiefelParameters(`stiefel.role=${options.role} ${commandLine}`);
    const machineName = settings.name ?? (toPrintable(model, NAME_MAX_BYTES) || "unnamed machine");
    return { keys, keyFingerprint: fingerprint, settings, parameters, unknownParameters: unknown, machineName };
  } catch (error) {
    throw toUserError(error, "Cannot use the kernel parameters", 'Correct the "stiefel." words in the boot menu');
  }
}

async function readKeys(
  system: System,
  path: string,
): Promise<{ readonly keys: AgentKeys; readonly fingerprint: string }> {
  const hint = "Build the image again: create-initrd puts the shared key into it";
  const key = await system.readFile(path).catch((cause) => {
    throw new UserError(`Cannot read the shared key "${path}": ${describe(cause)}`, { cause, hints: [hint] });
  });
  if (key.length !== SHARED_KEY_BYTES) {
    throw new UserError(`The shared key "${path}" has ${key.length} bytes, wanted ${SHARED_KEY_BYTES}`, {
      hints: [hint],
    });
  }
  const { discoveryKey, bootPsk } = await deriveKeys(key);
  return {
    keys: { discoveryKey: await importDiscoveryKey(discoveryKey), bootPsk, sharedKey: key },
    fingerprint: await keyFingerprint(key),
  };
}

async function readSettings(system: System, path: string | undefined): Promise<AgentSettings> {
  const chosen = path ?? AGENT_SETTINGS_PATH;
  if (path === undefined && await system.stat(chosen) === undefined) return defaultSettings;
  try {
    return parseAgentSettings(await system.readText(chosen));
  } catch (error) {
    throw toUserError(
      error,
      `Cannot use the settings "${chosen}"`,
      "Build the image again: create-initrd writes this file",
    );
  }
}

function toUserError(error: unknown, attempt: string, hint: string): UserError {
  const exitCode = error instanceof ProtocolError ? ExitCode.usage : ExitCode.failed;
  return new UserError(`${attempt}: ${describe(error)}`, { cause: error, hints: [hint], exitCode });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
