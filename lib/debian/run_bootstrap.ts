/** Runs mmdebstrap; what it says when it fails becomes words of ours. */
import { CommandError, UserError } from "../errors.ts";
import type { RunOptions, System } from "../system/system.ts";
import { type BootstrapWork, withBootstrapPlace } from "./bootstrap_place.ts";
import { type BootstrapPlan, explainBootstrap } from "./explain_bootstrap.ts";

/** What may hold the reason is kept, so much of it. */
const keptLines = 200;
const telling = /^(?:[EW]: |Err:|\s{2}\S)|No space left|error|failed/i;

export interface BootstrapRun extends BootstrapPlan, BootstrapWork {
  /** With a capital, and what was to be done: "Debian's packages cannot be fetched". */
  readonly failure: string;
}

/** @throws {UserError} with the reason and the cure, where it is one of the usual ones; {CommandError} otherwise */
export async function runBootstrap(
  system: System,
  argv: readonly string[],
  { failure, host, directory, ...plan }: BootstrapRun,
  options: RunOptions = {},
): Promise<void> {
  const lines: string[] = [];
  try {
    await withBootstrapPlace(system, { host, directory }, (environment) =>
      system.run(argv, {
        ...options,
        env: { ...options.env, ...environment },
        onLine: (line, from) => {
          if (telling.test(line)) lines.push(line);
          if (lines.length > keptLines) lines.shift();
          options.onLine?.(line, from);
        },
      }));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const explanation = explainBootstrap([...lines, ...error.failure.lastLines ?? []], plan);
    if (explanation === undefined) throw error;
    throw new UserError(`${failure}: ${explanation.found}`, { hints: explanation.hints, cause: error });
  }
}
