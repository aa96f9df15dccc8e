/** Entry of the client agent: arguments, terminal, signals, exit code. */
import { type ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { writeStandardOutput as write } from "../../lib/system/standard_output.ts";
import { canRedraw, createConsole, type Terminal } from "../shared/console.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "../shared/secret_input.ts";
import { runCommand } from "../shared/run_command.ts";
import { runClient } from "./client.ts";
import { parseClientOptions, usage } from "./options.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  return await runCommand(args, {
    name: "client-agent",
    usage,
    parse: parseClientOptions,
    write,
    run: async (options) => {
      const system = createRealSystem({ signal: stop.signal });
      const console = createConsole({
        terminal: createTerminal(),
        monotonicMs: () => system.monotonicMs(),
      });
      await runClient(options, { system, console, signal: stop.signal });
    },
  });
}

function createTerminal(): Terminal {
  return {
    write,
    canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")),
    ...(Deno.stdin.isTerminal() ? { readSecret } : {}),
  };
}

async function readSecret(prompt: string, signal: AbortSignal): Promise<string> {
  Deno.stdin.setRaw(true);
  write(prompt);
  const reader = Deno.stdin.readable.getReader();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    let input: SecretInput = emptySecretInput;
    while (input.kind === "typing") {
      const { done, value } = await Promise.race([reader.read(), aborted.promise]);
      if (done) throw new UserError("The console was closed while a passphrase was wanted");
      input = typeSecret(input, value);
    }
    if (input.kind === "stopped") throw new UserError("Stopped while a passphrase was wanted");
    return input.text;
  } finally {
    signal.removeEventListener("abort", onAbort);
    reader.releaseLock();
    Deno.stdin.setRaw(false);
    write("\n");
  }
}
