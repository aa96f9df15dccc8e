/** Editing a secret typed on a raw terminal: bytes in, nothing shown. Pure. */

/** cryptsetup(8) takes interactive passphrases up to this length. */
const maximumBytes = 512;

export type SecretInput =
  | { readonly kind: "typing"; readonly typed: readonly number[] }
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "stopped" };

export const emptySecretInput: SecretInput = { kind: "typing", typed: [] };

const Key = {
  ctrlC: 0x03,
  ctrlD: 0x04,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  ctrlU: 0x15,
  delete: 0x7f,
} as const;

/** Applies typed bytes; what follows the end of the line is dropped. */
export function typeSecret(input: SecretInput, bytes: Uint8Array): SecretInput {
  if (input.kind !== "typing") return input;
  const typed = [...input.typed];
  for (const byte of bytes) {
    if (byte === Key.enter || byte === Key.lineFeed) {
      return { kind: "done", text: new TextDecoder().decode(new Uint8Array(typed)) };
    }
    if (byte === Key.ctrlC || byte === Key.ctrlD) return { kind: "stopped" };
    if (byte === Key.ctrlU) typed.length = 0;
    else if (byte === Key.backspace || byte === Key.delete) removeLastCharacter(typed);
    else if (byte >= 0x20 && typed.length < maximumBytes) typed.push(byte);
  }
  return { kind: "typing", typed };
}

/** A character of UTF-8 is a leading byte and its continuation bytes (10xxxxxx). */
function removeLastCharacter(typed: number[]): void {
  let byte = typed.pop();
  while (byte !== undefined && (byte & 0xc0) === 0x80) byte = typed.pop();
}
