/** Entry of the client agent: arguments, terminal, signals, exit code. */
import { type ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { writeStandardOutput as write } from "../../lib/system/standard_output.ts";
import { canRedraw, type Terminal } from "../shared/console.ts";
import { askSecret } from "../../lib/terminal/ask_secret.ts";
import { createKeyboard, type Keyboard } from "../../lib/terminal/keyboard.ts";
import { runAgent } from "../shared/run_agent.ts";
import { runClient } from "./client.ts";
import { parseClientOptions, usage } from "./options.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<ExitCode> {
  return await runAgent(args, {
    name: "client-agent",
    usage,
    parse: parseClientOptions,
    write,
    terminal: createTerminal,
    onSignal: Deno.addSignalListener,
    run: runClient,
  });
}

function createTerminal(): Terminal {
  return {
    write,
    canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")),
    ...(Deno.stdin.isTerminal() ? { readSecret: createSecretReader() } : {}),
  };
}

function createSecretReader(): NonNullable<Terminal["readSecret"]> {
  const keyboard = createKeyboard({ read: readTerminal, setRaw: (isRaw) => Deno.stdin.setRaw(isRaw) });
  return async (prompt, signal) => await readSecret(keyboard, prompt, signal);
}

async function readTerminal(): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(256);
  const count = await Deno.stdin.read(buffer).catch(() => null); // hung up: EIO
  return count === null ? null : buffer.subarray(0, count);
}

async function readSecret(keyboard: Keyboard, prompt: string, signal: AbortSignal): Promise<string> {
  try {
    return await askSecret(keyboard, { prompt, write, signal });
  } catch (error) {
    if (!(error instanceof StoppedByUser) || signal.aborted) throw error;
    throw new UserError("Stopped, or the console was closed, while a passphrase was wanted");
  }
}
