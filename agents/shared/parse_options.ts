/** Reading an agent's command line: every mistake is a usage error that names the agent's own help. Pure. */
import type { parseArgs, ParseArgsOptionsConfig } from "node:util";
import { ExitCode, UserError } from "../../lib/errors.ts";
import type { AgentCommand } from "./run_command.ts";

type OptionValues<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; strict: true }>
>["values"];

/**
 * @param program its name, for the hint
 * @param options of this program; `--help` and `--version` come to them
 * @param make what is run with these values
 * @throws {UserError} exit code 2
 */
export async function parseOptions<
  const Options extends ParseArgsOptionsConfig,
  Run extends { readonly kind: "run" },
>(
  program: string,
  { args, options, make }: {
    readonly args: readonly string[];
    readonly options: Options;
    readonly make: (values: OptionValues<Options>) => Run;
  },
): Promise<AgentCommand<Run>> {
  // As an image starts its agent; no option has a default value, so there is nothing to add.
  if (args.length === 0) return make({} as OptionValues<Options>);
  // Not at the start: modules of Node take long to load, and an image starts its agent without options.
  const { parseArgs } = await import("node:util");
  const all = { ...options, help: { type: "boolean" }, version: { type: "boolean" } } as const;
  let values: OptionValues<Options> & { readonly help?: unknown; readonly version?: unknown };
  try {
    ({ values } = parseArgs({ args: [...args], strict: true, allowPositionals: false, options: all }));
  } catch (error) {
    throw usageError(program, error instanceof Error ? error.message : String(error));
  }
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  return make(values);
}

export function usageError(program: string, message: string): UserError {
  return new UserError(message, { exitCode: ExitCode.usage, hints: [`${program} --help lists the options`] });
}
