/** Asking for a line on a terminal, shown as it is typed. */

import { StoppedByUser } from "../errors.ts";
import type { Keyboard } from "./keyboard.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "./secret_input.ts";
import type { SecretQuestion } from "./ask_secret.ts";

/**
 * The same editing as for a secret.
 * @throws {StoppedByUser} on Ctrl-C, Ctrl-D and when the terminal is gone; the signal's reason
 */
export async function askText(keyboard: Keyboard, { prompt, write, signal }: SecretQuestion): Promise<string> {
  let input: SecretInput = emptySecretInput;
  try {
    return await keyboard.ask({
      show: () => write(prompt),
      signal,
      decide: (keys) => {
        const before = input;
        input = typeSecret(input, keys);
        if (input.kind === "stopped") throw new StoppedByUser();
        write(changeText(before, input));
        return input.kind === "done" ? input.text : undefined;
      },
    });
  } finally {
    write("\n");
  }
}

/** What turns one input on the screen into the next. */
export function changeText(before: SecretInput, after: SecretInput): string {
  const [shown, wanted] = [before, after].map((input) =>
    input.kind === "typing" ? input.typed : input.kind === "done" ? [...input.text] : []
  );
  if (shown === undefined || wanted === undefined) return "";
  let same = 0;
  while (same < shown.length && shown[same] === wanted[same]) same++;
  return "\b \b".repeat(shown.length - same) + wanted.slice(same).join("");
}
