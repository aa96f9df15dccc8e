/** Asking for a line on a terminal, shown as it is typed. */

import { askTyped, type TypedQuestion } from "./ask_typed.ts";
import type { Keyboard } from "./keyboard.ts";
import type { SecretInput } from "./secret_input.ts";

/**
 * The same editing as for a secret.
 * @throws {StoppedByUser} on Ctrl-C, Ctrl-D and when the terminal is gone; the signal's reason
 */
export async function askText(keyboard: Keyboard, question: TypedQuestion): Promise<string> {
  return await askTyped(keyboard, question, changeText);
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
