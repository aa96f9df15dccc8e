/** The server agent as a program: arguments, terminal, signals, exit code. */
import type { ExitCode } from "../../lib/errors.ts";
import { createBoundedLog } from "../../lib/system/bounded_log.ts";
import { createOutputQueue, readScreenSize } from "../../lib/system/standard_output.ts";
import type { System } from "../../lib/system/system.ts";
import { watchKeys } from "../../lib/terminal/watch_keys.ts";
import { AGENT_LOG_PATH, canRedraw } from "../shared/console.ts";
import { runAgent } from "../shared/run_agent.ts";
import { parseServerOptions, usage } from "./options.ts";
import { runServer } from "./server.ts";
import type { WatchedSource } from "./source.ts";

/** @param replace for tests: serves something other than the disk of this machine */
export async function runServerProgram(
  args: readonly string[],
  replace?: (system: System) => { readonly system: System; readonly source?: WatchedSource },
): Promise<ExitCode> {
  // A stray key on the console of a closed laptop must not stop what a desktop runs from.
  const { write, flush } = createOutputQueue();
  const command = runAgent(args, {
    name: "server-agent",
    usage,
    parse: parseServerOptions,
    write,
    terminal: () => ({
      write,
      canRedraw: canRedraw(Deno.stdout.isTerminal(), Deno.env.get("TERM")),
      size: readScreenSize,
      log: createBoundedLog(AGENT_LOG_PATH),
      ...Deno.stdin.isTerminal() ? { watchKeys: watchTerminal } : {},
    }),
    onSignal: Deno.addSignalListener,
    run: async (options, parts) => await runServer(options, { ...parts, ...replace?.(parts.system) }),
  });
  return await command.finally(flush);
}

async function watchTerminal(onKey: (text: string) => void, signal: AbortSignal): Promise<void> {
  const read = async (): Promise<Uint8Array | null> => {
    const buffer = new Uint8Array(256);
    const count = await Deno.stdin.read(buffer).catch(() => null); // hung up: EIO
    return count === null ? null : buffer.subarray(0, count);
  };
  // Ctrl-C stays a signal.
  const setRaw = (isRaw: boolean): void => Deno.stdin.setRaw(isRaw, { cbreak: isRaw });
  await watchKeys({ read, setRaw }, { onKey, signal }).catch(() => {}); // the terminal is gone
}
