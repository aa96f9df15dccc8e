/** Asking for a secret on a terminal: one mark per character, never the character. */

import { StoppedByUser } from "../errors.ts";
import type { Keyboard } from "./keyboard.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "./secret_input.ts";

export interface SecretQuestion {
  readonly prompt: string;
  readonly write: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** @throws {StoppedByUser} on Ctrl-C, Ctrl-D and when the terminal is gone; the signal's reason */
export async function askSecret(keyboard: Keyboard, { prompt, write, signal }: SecretQuestion): Promise<string> {
  let input: SecretInput = emptySecretInput;
  try {
    return await keyboard.ask({
      show: () => write(prompt),
      signal,
      decide: (keys) => {
        const before = input;
        input = typeSecret(input, keys);
        if (input.kind === "stopped") throw new StoppedByUser();
        write(changeMarks(before, input));
        return input.kind === "done" ? input.text : undefined;
      },
    });
  } finally {
    write("\n");
  }
}

/** What turns the marks of one input into those of the next. */
function changeMarks(before: SecretInput, after: SecretInput): string {
  const more = countCharacters(after) - countCharacters(before);
  return more >= 0 ? "*".repeat(more) : "\b \b".repeat(-more);
}

function countCharacters(input: SecretInput): number {
  return input.kind === "typing" ? input.typed.length : input.kind === "done" ? [...input.text].length : 0;
}
