/** Entry of the autokexec agent: arguments, output, signals, exit code. */
import { ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { version } from "../../lib/version.ts";
import { createConsole } from "../shared/console.ts";
import { runAutokexec } from "./autokexec.ts";
import { parseAutokexecOptions, usage } from "./options.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  try {
    const command = parseAutokexecOptions(args);
    if (command.kind === "help") write(usage);
    else if (command.kind === "version") write(`autokexec-agent ${version}\n`);
    else {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: { write, canRedraw: false },
        monotonicMs: () => system.monotonicMs(),
        uptimeOffsetSeconds: 0,
      });
      await runAutokexec(command, { system, console, signal: stop.signal });
    }
    return ExitCode.done;
  } catch (error) {
    // That is how a service ends.
    if (error instanceof StoppedByUser) return ExitCode.done;
    if (!(error instanceof UserError)) throw error;
    write([error.message, ...error.hints.map((hint) => `  ${hint}`)].join("\n") + "\n");
    return error.exitCode;
  }
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
