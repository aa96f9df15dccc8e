/** Reads `config.yaml` from the disk; `lib/config` itself touches no files. */

import { decodeText } from "./config/decode_text.ts";
import { ConfigError } from "./config/diagnostics.ts";
import { loadConfig, type LoadedConfig } from "./config/load_config.ts";
import { MAX_TEXT_LENGTH } from "./config/parse.ts";
import { ExitCode, quoteCommand, UserError } from "./errors.ts";
import { type Access, accessing } from "./file_access.ts";
import type { System } from "./system/system.ts";

export interface ReadConfigOptions {
  /** The user named the file: then it has to be there. Without it, no file means all defaults. */
  readonly mustExist?: boolean;
}

/** @throws {UserError} (exit code 2) when the file cannot be read or used */
export async function readConfigFile(
  system: System,
  path: string,
  { mustExist = false }: ReadConfigOptions = {},
): Promise<LoadedConfig> {
  return await loadConfig(await readConfigText(system, path, { mustExist }) ?? "", path);
}

/**
 * The file's text; undefined when there is none.
 * @throws {UserError} (exit code 2) when it is not a text file that we may read
 */
async function readConfigText(
  system: System,
  path: string,
  { mustExist }: Required<ReadConfigOptions>,
): Promise<string | undefined> {
  const status = await accessing(system, accessOf(path), () => system.stat(path));
  if (status === undefined && !mustExist) {
    await demandNoOther(system, path);
    return undefined;
  }
  if (status?.kind !== "file") {
    if (status !== undefined) throw notAFile(path, status.kind);
    throw unreadable(path, "found nothing, wanted a file", [
      `Copy "config-example.yaml" to "${path}"; without a configuration the defaults of doc/config.md are used`,
    ]);
  }
  if (status.sizeBytes > 4 * MAX_TEXT_LENGTH) {
    throw new UserError(
      `The configuration "${path}" cannot be used: found ${status.sizeBytes} bytes, wanted a text of a few KB`,
      { exitCode: ExitCode.usage },
    );
  }
  const decoded = decodeText(await accessing(system, accessOf(path), () => system.readFile(path)), path);
  if (!("problem" in decoded)) return decoded.text;
  throw new ConfigError([decoded.problem], { fileName: path, text: decoded.text, hints: [decoded.cure] });
}

/** A configuration that is there but not where we look: going on with the defaults would be a surprise. */
async function demandNoOther(system: System, path: string): Promise<void> {
  if (await system.lstat(path) !== undefined) {
    throw unreadable(path, `found a symlink to "${await system.readLink(path)}", which does not exist`, [
      "Make the file that it names, or remove the symlink",
    ]);
  }
  const other = path.replace(/\.yaml$/, ".yml");
  if (other === path || await system.lstat(other) === undefined) return;
  throw unreadable(path, `found nothing, but "${other}"`, [`Rename it: ${quoteCommand(["mv", other, path])}`]);
}

const accessOf = (path: string): Access => ({
  what: "The configuration",
  path,
  attempt: "read",
  exitCode: ExitCode.usage,
});

/** Something else is in the configuration's place. */
export function notAFile(path: string, kind: string): UserError {
  return unreadable(path, `found a ${kind}, wanted a file`, [
    `Name the file itself with "--config", or move the ${kind} away`,
  ]);
}

function unreadable(path: string, what: string, hints: readonly string[]): UserError {
  return new UserError(`The configuration "${path}" cannot be read: ${what}`, {
    exitCode: ExitCode.usage,
    hints,
  });
}
