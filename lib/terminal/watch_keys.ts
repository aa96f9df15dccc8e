/** Keys of a person as they come, for a program that asks nothing. */

import { createInputReader, takeKeys, type TerminalInput } from "./keyboard.ts";

/**
 * Runs until `signal` aborts or the terminal is gone; then the terminal is as before. A paste, arrows and function keys
 * are no keys here.
 * @param input.setRaw shall leave Ctrl-C a signal
 */
export async function watchKeys(
  input: TerminalInput,
  { onKey, signal }: { readonly onKey: (text: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  if (signal.aborted) return;
  const stopped = Promise.withResolvers<null>();
  const stop = (): void => stopped.resolve(null);
  signal.addEventListener("abort", stop, { once: true });
  input.setRaw(true);
  try {
    await takeKeys(createInputReader(input), stopped.promise, (keys): undefined => {
      for (const key of keys) if (key.kind === "text") onKey(key.text);
    });
  } finally {
    input.setRaw(false);
    signal.removeEventListener("abort", stop);
  }
}
