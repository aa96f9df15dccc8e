/** Sources of out-of-tree drivers are used only when the configuration or the catalog says exactly which they are. */

import { ExitCode, UserError } from "../errors.ts";
import type { DriverConfig } from "./config.ts";
import { findModule } from "./module_catalog.ts";

export type DriverSource =
  /** A tar archive; 64 lower case hex digits. */
  | { readonly kind: "archive"; readonly url: string; readonly sha256: string }
  /** A git repository; 40 lower case hex digits. */
  | { readonly kind: "git"; readonly url: string; readonly commit: string };

/**
 * What to fetch for a driver, for `create-initrd`; loading a configuration only warns, since the original's had no
 * hashes.
 * @throws {UserError} (exit code 2) that says which line to add, when there is no hash
 */
export function requireDriverSource({ name, url, sha256, commit }: DriverConfig): DriverSource {
  if (commit !== undefined) return { kind: "git", url, commit };
  if (sha256 !== undefined) return { kind: "archive", url, sha256 };
  throw new UserError(
    `The driver "${name}" cannot be compiled: found no hash for ${url}, wanted "module-configs.${name}.sha256"`,
    {
      exitCode: ExitCode.usage,
      hints: [
        `Download the archive, check that it is what you want, and run "sha256sum" on it`,
        `Add to the configuration, under "module-configs: ${name}:", the line "sha256: " with the 64 hex digits`,
        ...findModule(name)?.driver === undefined
          ? []
          : [`Or take the line "url:" out: a source for "${name}" is known`],
        `Or take "${name}" out of "modules"`,
      ],
    },
  );
}
