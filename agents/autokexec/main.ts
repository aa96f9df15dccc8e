/** Entry of the autokexec agent: arguments, output, signals, exit code. */
import { type ExitCode, StoppedByUser } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { writeStandardOutput as write } from "../../lib/system/standard_output.ts";
import { createConsole } from "../shared/console.ts";
import { runCommand } from "../shared/run_command.ts";
import { runAutokexec } from "./autokexec.ts";
import { parseAutokexecOptions, usage } from "./options.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  return await runCommand(args, {
    name: "autokexec-agent",
    usage,
    parse: parseAutokexecOptions,
    write,
    run: async (options) => {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: { write, canRedraw: false },
        monotonicMs: () => system.monotonicMs(),
      });
      try {
        await runAutokexec(options, { system, console, signal: stop.signal });
      } catch (error) {
        // That is how a service ends.
        if (!(error instanceof StoppedByUser)) throw error;
      }
    },
  });
}
