import assert from "node:assert/strict";
import { changeText } from "./ask_text.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "./secret_input.ts";
import { noKeys, readKeys } from "./keys.ts";

function type(bytes: string): { readonly input: SecretInput; readonly shown: string } {
  let [input, shown, state]: [SecretInput, string, typeof noKeys] = [emptySecretInput, "", noKeys];
  for (const byte of new TextEncoder().encode(bytes)) {
    const { state: after, keys } = readKeys(state, Uint8Array.of(byte));
    state = after;
    const before = input;
    input = typeSecret(input, keys);
    shown += changeText(before, input);
  }
  return { input, shown };
}

Deno.test("a line is shown as it is typed, and what is erased goes from the screen", () => {
  assert.deepEqual(type("sdx\x7fb\r"), { input: { kind: "done", text: "sdb" }, shown: "sdx\b \bb" });
  assert.equal(type("sdx\x15sdb\r").shown, `sdx${"\b \b".repeat(3)}sdb`);
  assert.equal(type("\x7f\x7fé\x1b[A\r").shown, "é");
});
