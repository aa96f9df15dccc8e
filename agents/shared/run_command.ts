/** What each agent's entry does around its work: help, version, and mistakes in plain words. */
import { ExitCode, UserError } from "../../lib/errors.ts";
import { version } from "../../lib/version.ts";

/** What a command line asks for. */
export type AgentCommand<Options extends { readonly kind: "run" }> =
  | Options
  | { readonly kind: "help" }
  | { readonly kind: "version" };

export interface AgentProgram<Options extends { readonly kind: "run" }> {
  readonly name: string;
  readonly usage: string;
  /** @throws {UserError} exit code 2 */
  readonly parse: (args: readonly string[]) => Promise<AgentCommand<Options>>;
  readonly run: (options: Options) => Promise<void>;
  readonly write: (text: string) => void;
}

/** @returns the exit code. Errors that are no {UserError} go on. */
export async function runCommand<Options extends { readonly kind: "run" }>(
  args: readonly string[],
  { name, usage, parse, run, write }: AgentProgram<Options>,
): Promise<ExitCode> {
  try {
    const command = await parse(args);
    if (command.kind === "help") write(usage);
    else if (command.kind === "version") write(`${name} ${version}\n`);
    else await run(command);
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    write([error.message, ...error.hints.map((hint) => `  ${hint}`)].join("\n") + "\n");
    return error.exitCode;
  }
}
