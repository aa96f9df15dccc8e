/** Entry of the autokexec agent: arguments, output, signals, exit code. */
import { type ExitCode, StoppedByUser } from "../../lib/errors.ts";
import { writeStandardOutput as write } from "../../lib/system/standard_output.ts";
import { runAgent } from "../shared/run_agent.ts";
import { runAutokexec } from "./autokexec.ts";
import { parseAutokexecOptions, usage } from "./options.ts";

Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  return await runAgent(args, {
    name: "autokexec-agent",
    usage,
    parse: parseAutokexecOptions,
    write,
    terminal: () => ({ write, canRedraw: false }),
    onSignal: Deno.addSignalListener,
    run: async (options, parts) => {
      try {
        await runAutokexec(options, parts);
      } catch (error) {
        // That is how a service ends.
        if (!(error instanceof StoppedByUser)) throw error;
      }
    },
  });
}
