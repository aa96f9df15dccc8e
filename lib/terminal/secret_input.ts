/** Editing a secret typed on a raw terminal: keys in, nothing shown. Pure. */

import { encodeUtf8 } from "../formats/text.ts";
import type { Key } from "./keys.ts";

/** cryptsetup(8) takes interactive passphrases up to this length. */
const maximumBytes = 512;

export type SecretInput =
  /** The characters so far. */
  | { readonly kind: "typing"; readonly typed: readonly string[] }
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "stopped" };

export const emptySecretInput: SecretInput = { kind: "typing", typed: [] };

/** Applies keys; what follows the end of the line is dropped, and so are ends of lines in what is pasted. */
export function typeSecret(input: SecretInput, keys: readonly Key[]): SecretInput {
  if (input.kind !== "typing") return input;
  let typed = [...input.typed];
  for (const key of keys) {
    switch (key.kind) {
      case "enter":
        return { kind: "done", text: typed.join("") };
      case "interrupt":
      case "end":
        return { kind: "stopped" };
      case "erase-line":
        typed = [];
        break;
      case "erase":
        typed.pop();
        break;
      case "text":
      case "pasted":
        if (key.text !== "\n" && fits(typed, key.text)) typed.push(key.text);
        break;
    }
  }
  return { kind: "typing", typed };
}

function fits(typed: readonly string[], text: string): boolean {
  return encodeUtf8(typed.join("") + text).length <= maximumBytes;
}
