/** What every agent's entry does: an end by signals, a system, a console, and the work. */
import { type ExitCode, StoppedByUser } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, createConsole, type Terminal } from "./console.ts";
import { type AgentProgram, runCommand } from "./run_command.ts";

/** What an agent works with. */
export interface AgentParts {
  readonly system: System;
  readonly console: Console;
  /** Aborted when the agent shall end. */
  readonly signal: AbortSignal;
}

export interface AgentEntry<Options extends { readonly kind: "run" }>
  extends Omit<AgentProgram<Options>, "run" | "write"> {
  /** Made when there is work to do. */
  readonly terminal: () => Terminal;
  readonly write: (text: string) => void;
  /** Calls back when the process gets the signal. */
  readonly onSignal: (signal: "SIGINT" | "SIGTERM", handler: () => void) => void;
  readonly run: (options: Options, parts: AgentParts) => Promise<void>;
}

/** @returns the exit code. Errors that are no {UserError} go on. */
export async function runAgent<Options extends { readonly kind: "run" }>(
  args: readonly string[],
  { terminal, onSignal, run, ...program }: AgentEntry<Options>,
): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) onSignal(signal, () => stop.abort(new StoppedByUser()));
  return await runCommand(args, {
    ...program,
    run: async (options) => {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: terminal(),
        monotonicMs: () => system.monotonicMs(),
        wallClockMs: () => system.wallClockMs(),
      });
      await run(options, { system, console, signal: stop.signal });
    },
  });
}
