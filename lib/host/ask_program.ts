/** Questions to programs that need not be there. */

import { CommandError } from "../errors.ts";
import type { System } from "../system/system.ts";

/** Standard output; undefined when the program is not installed or fails, which is a fact in itself. */
export async function outputIfItWorks(system: System, argv: readonly string[]): Promise<string | undefined> {
  try {
    return (await system.run(argv, { timeoutMs: 30_000 })).stdout;
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
