/** Reading an agent's command line: every mistake is a usage error that names the agent's own help. Pure. */
import type { parseArgs, ParseArgsOptionsConfig } from "node:util";
import { ExitCode, UserError } from "../../lib/errors.ts";

export type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true }>
>["values"];

/** @param program its name, for the hint. @throws {UserError} exit code 2 */
export async function parseOptions<const Options extends ParseArgsOptionsConfig>(
  program: string,
  args: readonly string[],
  options: Options,
): Promise<OptionValues<Options>> {
  // As an image starts its agent; no option has a default value, so there is nothing to add.
  if (args.length === 0) return {} as OptionValues<Options>;
  // Not at the start: modules of Node take long to load, and an image starts its agent without options.
  const { parseArgs } = await import("node:util");
  try {
    return parseArgs({ args: [...args], strict: true, allowPositionals: false, options }).values;
  } catch (error) {
    throw usageError(program, error instanceof Error ? error.message : String(error));
  }
}

export function usageError(program: string, message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage, hints: [`${program} --help lists the options`] });
}
