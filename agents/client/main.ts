/** Entry of the client agent: arguments, terminal, signals, exit code. */
import { ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { readUptimeSeconds } from "../../lib/system/facts.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { canRedraw, createConsole, type Terminal } from "../shared/console.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "../shared/secret_input.ts";
import { version } from "../../lib/version.ts";
import { runClient } from "./client.ts";
import { parseClientOptions, usage } from "./options.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort(new StoppedByUser()));
  }
  const terminal = createTerminal();
  try {
    const command = parseClientOptions(args);
    if (command.kind === "help") terminal.write(usage);
    else if (command.kind === "version") terminal.write(`client-agent ${version}\n`);
    else {
      const system = createRealSystem({ signal: stop.signal });
      const uptimeOffsetSeconds = await readUptimeSeconds(system) - system.monotonicMs() / 1000;
      const console = createConsole({ terminal, monotonicMs: () => system.monotonicMs(), uptimeOffsetSeconds });
      await runClient(command, { system, console, signal: stop.signal });
    }
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    terminal.write([error.message, ...error.hints.map((hint) => `  ${hint}`)].join("\n") + "\n");
    return error.exitCode;
  }
}

function createTerminal(): Terminal {
  const encoder = new TextEncoder();
  const write = (text: string): void => {
    const bytes = encoder.encode(text);
    for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
  };
  return {
    write,
    canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")),
    ...(Deno.stdin.isTerminal() ? { readSecret: (prompt, signal) => readSecret(write, prompt, signal) } : {}),
  };
}

async function readSecret(write: (text: string) => void, prompt: string, signal: AbortSignal): Promise<string> {
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
