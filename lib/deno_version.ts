/** The Deno that runs the commands, and the agents in the image. */
import { UserError } from "./errors.ts";

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

/** @param output of `deno --version`: "deno 2.9.6 (stable, …" and more lines */
export function parseDenoVersion(output: string): string {
  return /^deno (\d+\.\d+\.\S+)/.exec(output)?.[1] ?? "unknown";
}
