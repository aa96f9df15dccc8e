/** Keys of a person as they come, for a program that asks nothing. */

import { endPause, noKeys, pauseMsOf, readKeys } from "./keys.ts";
import type { TerminalInput } from "./keyboard.ts";

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
    // A read cannot be cancelled: after a pause it goes on.
    let reading: Promise<Uint8Array | null> | undefined;
    for (let state = noKeys;;) {
      reading ??= input.read();
      const bytes = await withPause(Promise.race([reading, stopped.promise]), pauseMsOf(state));
      if (bytes === null) return;
      if (bytes === undefined) {
        state = endPause(state);
        continue;
      }
      reading = undefined;
      const read = readKeys(state, bytes);
      state = read.state;
      for (const key of read.keys) if (key.kind === "text") onKey(key.text);
    }
  } finally {
    input.setRaw(false);
    signal.removeEventListener("abort", stop);
  }
}

/** @returns undefined when the pause was longer */
async function withPause<Value>(value: Promise<Value>, ms: number | undefined): Promise<Value | undefined> {
  if (ms === undefined) return await value;
  const pause = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => pause.resolve(undefined), ms);
  try {
    return await Promise.race([value, pause.promise]);
  } finally {
    clearTimeout(timer);
  }
}
