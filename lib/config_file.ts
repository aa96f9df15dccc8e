/** Reads `config.yaml` from the disk; `lib/config` itself touches no files. */

import { loadConfig, type LoadedConfig } from "./config/load_config.ts";
import { MAX_TEXT_LENGTH } from "./config/parse.ts";
import { ExitCode, UserError } from "./errors.ts";
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
  const status = await system.stat(path);
  if (status === undefined && !mustExist) return await loadConfig("", path);
  if (status?.kind !== "file") {
    throw new UserError(
      `The configuration "${path}" cannot be read: found ${
        status === undefined ? "nothing" : `a ${status.kind}`
      }, wanted a file`,
      {
        exitCode: ExitCode.usage,
        hints: [
          `Copy "config-example.yaml" to "${path}"; without a configuration the defaults of doc/config.md are used`,
        ],
      },
    );
  }
  if (status.sizeBytes > 4 * MAX_TEXT_LENGTH) {
    throw new UserError(
      `The configuration "${path}" cannot be used: found ${status.sizeBytes} bytes, wanted a text of a few KB`,
      {
        exitCode: ExitCode.usage,
      },
    );
  }
  return await loadConfig(await system.readText(path), path);
}
