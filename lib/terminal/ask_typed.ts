/** Asking for a line on a raw terminal; what is shown of it while it is typed is the caller's. */

import { StoppedByUser } from "../errors.ts";
import type { Keyboard } from "./keyboard.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "./secret_input.ts";

export interface TypedQuestion {
  readonly prompt: string;
  readonly write: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Called when a key is pressed. */
  readonly onKey?: (() => void) | undefined;
}

/**
 * @param change what turns one input on the screen into the next
 * @throws {StoppedByUser} on Ctrl-C, Ctrl-D and when the terminal is gone; the signal's reason
 */
export async function askTyped(
  keyboard: Keyboard,
  { prompt, write, signal, onKey }: TypedQuestion,
  change: (before: SecretInput, after: SecretInput) => string,
): Promise<string> {
  let input: SecretInput = emptySecretInput;
  try {
    return await keyboard.ask({
      show: () => write(prompt),
      signal,
      decide: (keys) => {
        onKey?.();
        const before = input;
        input = typeSecret(input, keys);
        if (input.kind === "stopped") throw new StoppedByUser();
        write(change(before, input));
        return input.kind === "done" ? input.text : undefined;
      },
    });
  } finally {
    write("\n");
  }
}
