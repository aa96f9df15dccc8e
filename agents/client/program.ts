/** The client agent as a program: arguments, terminal, signals, exit code. */
import { type ExitCode, StoppedByUser, UserError } from "../../lib/errors.ts";
import { createBoundedLog } from "../../lib/system/bounded_log.ts";
import { readScreenSize, writeStandardOutput as write } from "../../lib/system/standard_output.ts";
import { AGENT_LOG_PATH, canRedraw, NoTerminal, type Terminal } from "../shared/console.ts";
import { askSecret } from "../../lib/terminal/ask_secret.ts";
import { askText } from "../../lib/terminal/ask_text.ts";
import { createKeyboard } from "../../lib/terminal/keyboard.ts";
import { runAgent } from "../shared/run_agent.ts";
import { runClient } from "./client.ts";
import { parseClientOptions, usage } from "./options.ts";

export async function runClientProgram(args: readonly string[]): Promise<ExitCode> {
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
    size: readScreenSize,
    log: createBoundedLog(AGENT_LOG_PATH),
    ...(Deno.stdin.isTerminal() ? createReaders() : {}),
  };
}

function createReaders(): Required<Pick<Terminal, "readSecret" | "readLine">> {
  let isGone = false;
  const read = async (): Promise<Uint8Array | null> => {
    const bytes = await readTerminal();
    isGone ||= bytes === null;
    return bytes;
  };
  const setRaw = (isRaw: boolean): void => isGone ? undefined : Deno.stdin.setRaw(isRaw);
  const keyboard = createKeyboard({ read, setRaw });
  /** Keys of a person that end the question; or the terminal is gone. */
  const onStopped = (error: unknown, signal: AbortSignal, what: string): never => {
    if (!(error instanceof StoppedByUser) || signal.aborted) throw error;
    if (isGone) throw new NoTerminal();
    throw new UserError(`Stopped while ${what} was wanted`);
  };
  return {
    readSecret: (prompt, signal) =>
      askSecret(keyboard, { prompt, write, signal }).catch((error) => onStopped(error, signal, "a passphrase")),
    readLine: (prompt, signal, onKey) =>
      askText(keyboard, { prompt, write, signal, onKey }).catch((error) => onStopped(error, signal, "an answer")),
  };
}

async function readTerminal(): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(256);
  const count = await Deno.stdin.read(buffer).catch(() => null); // hung up: EIO
  return count === null ? null : buffer.subarray(0, count);
}
