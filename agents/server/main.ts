/** Entry of the server agent: arguments, terminal, signals, exit code. */
import { ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { readUptimeSeconds } from "../../lib/system/facts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import type { System } from "../../lib/system/system.ts";
import { canRedraw, createConsole } from "../shared/console.ts";
import { version } from "../../lib/version.ts";
import { parseServerOptions, usage } from "./options.ts";
import { runServer } from "./server.ts";
import type { WatchedSource } from "./source.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/** @param replace for tests: serves something else than the disk of this machine */
export async function main(
  args: readonly string[],
  replace?: (system: System) => { readonly system: System; readonly source: WatchedSource },
): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  try {
    const command = parseServerOptions(args);
    if (command.kind === "help") write(usage);
    else if (command.kind === "version") write(`server-agent ${version}\n`);
    else {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: { write, canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")) },
        monotonicMs: () => system.monotonicMs(),
        uptimeOffsetSeconds: await readUptimeSeconds(system) - system.monotonicMs() / 1000,
      });
      await runServer(command, { system, console, signal: stop.signal, ...replace?.(system) });
    }
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    write([error.message, ...error.hints.map((hint) => `  ${hint}`)].join("\n") + "\n");
    return error.exitCode;
  }
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
