/** The Deno that runs the commands, and the agents in the image. */
import { UserError } from "./errors.ts";

export interface DenoProgram {
  /** The program itself, under the name that `--allow-run=deno` stands for: the first "deno" in PATH. */
  readonly path: string;
  /** "2.9.6" */
  readonly version: string;
  /** What it was built for: "x86_64-unknown-linux-gnu". */
  readonly target: string;
  /** What it needs of the environment: HOME or DENO_DIR, DENORT_BIN. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Older ones lack ChaCha20-Poly1305 in Web Crypto, and addresses with a scope. */
export const oldestDeno = { major: 2, minor: 9 } as const;

/** The one that is tested, and that npx gets. */
export const pinnedDeno = "2.9.6";

/**
 * @param version of a Deno, "2.9.6"
 * @param which "This is", "/usr/bin/deno is"
 * @throws {UserError} when it is too old
 */
export function requireDeno(version: string, which: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldestDeno.major || (major === oldestDeno.major && minor >= oldestDeno.minor)) return;
  throw new UserError(
    `${which} Deno ${version}; Stiefelsystem needs ${oldestDeno.major}.${oldestDeno.minor} or later`,
    {
      hints: [`Start it as: npx --yes deno@${pinnedDeno} task …, or get the newest Deno (deno upgrade)`],
    },
  );
}

/** @param output of `deno --version`: "deno 2.9.6 (stable, release, x86_64-unknown-linux-gnu)" and more lines */
export function parseDenoTarget(output: string): string {
  return /^deno [^(]*\(.*?([^ ,]+)\)/.exec(output)?.[1] ?? "unknown";
}

/** @param output as that */
export function parseDenoVersion(output: string): string {
  return /^deno (\d+\.\d+\.\S+)/.exec(output)?.[1] ?? "unknown";
}
