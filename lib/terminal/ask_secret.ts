/** Asking for a secret on a terminal: one mark per character, never the character. */

import { askTyped, type TypedQuestion } from "./ask_typed.ts";
import type { Keyboard } from "./keyboard.ts";
import type { SecretInput } from "./secret_input.ts";

/** @throws {StoppedByUser} on Ctrl-C, Ctrl-D and when the terminal is gone; the signal's reason */
export async function askSecret(keyboard: Keyboard, question: TypedQuestion): Promise<string> {
  return await askTyped(keyboard, question, changeMarks);
}

/** What turns the marks of one input into those of the next. */
function changeMarks(before: SecretInput, after: SecretInput): string {
  const more = countCharacters(after) - countCharacters(before);
  return more >= 0 ? "*".repeat(more) : "\b \b".repeat(-more);
}

function countCharacters(input: SecretInput): number {
  return input.kind === "typing" ? input.typed.length : input.kind === "done" ? [...input.text].length : 0;
}
