/** Entry of the server agent: arguments, terminal, signals, exit code. */
import { type ExitCode, StoppedByUser } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { createOutputQueue } from "../../lib/system/standard_output.ts";
import type { System } from "../../lib/system/system.ts";
import { canRedraw, createConsole } from "../shared/console.ts";
import { runCommand } from "../shared/run_command.ts";
import { parseServerOptions, usage } from "./options.ts";
import { runServer } from "./server.ts";
import type { WatchedSource } from "./source.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/** @param replace for tests: serves something else than the disk of this machine */
export async function main(
  args: readonly string[],
  replace?: (system: System) => { readonly system: System; readonly source?: WatchedSource },
): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  // A stray key on the console of a closed laptop must not stop what a desktop runs from.
  const { write, flush } = createOutputQueue();
  const command = runCommand(args, {
    name: "server-agent",
    usage,
    parse: parseServerOptions,
    write,
    run: async (options) => {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: { write, canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")) },
        monotonicMs: () => system.monotonicMs(),
      });
      await runServer(options, { system, console, signal: stop.signal, ...replace?.(system) });
    },
  });
  return await command.finally(flush);
}
