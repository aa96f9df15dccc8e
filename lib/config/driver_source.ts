/** Source archives of out-of-tree drivers are used only with a pinned hash. */

import { ExitCode, UserError } from "../errors.ts";
import type { DriverConfig } from "./config.ts";

export interface DriverSource {
  readonly url: string;
  /** 64 lower case hex digits. */
  readonly sha256: string;
}

/**
 * What to fetch for a driver, for `create-initrd`; loading a configuration only warns, since the original's had no hashes.
 * @throws {UserError} (exit code 2) that says which line to add, when there is no hash
 */
export function requireDriverSource({ name, url, sha256 }: DriverConfig): DriverSource {
  if (sha256 !== undefined) return { url, sha256 };
  throw new UserError(
    `The driver "${name}" cannot be compiled: found no hash for ${url}, wanted "module-configs.${name}.sha256"`,
    {
      exitCode: ExitCode.usage,
      hints: [
        `Download the archive, check that it is what you want, and run "sha256sum" on it`,
        `Add to the configuration, under "module-configs: ${name}:", the line "sha256: " with the 64 hex digits`,
        `Or take "${name}" out of "modules"`,
      ],
    },
  );
}
