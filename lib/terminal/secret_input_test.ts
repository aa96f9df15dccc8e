import assert from "node:assert/strict";
import { noKeys, readKeys } from "./keys.ts";
import { emptySecretInput, type SecretInput, typeSecret } from "./secret_input.ts";

function type(...pieces: (string | number[])[]): SecretInput {
  let state = noKeys;
  return pieces.reduce<SecretInput>((input, piece) => {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : new Uint8Array(piece);
    const next = readKeys(state, bytes);
    state = next.state;
    return typeSecret(input, next.keys);
  }, emptySecretInput);
}

Deno.test("a secret is edited as on a terminal", () => {
  assert.deepEqual(type("abc\r"), { kind: "done", text: "abc" });
  assert.deepEqual(type("ab", "c\nignored"), { kind: "done", text: "abc" });
  assert.deepEqual(type("aé", [0x7f], "b\r"), { kind: "done", text: "ab" });
  assert.deepEqual(type("wrong", [0x15], "right\r"), { kind: "done", text: "right" });
  assert.deepEqual(type("abc", [0x03]), { kind: "stopped" });
  assert.deepEqual(type("€", "😀\r"), { kind: "done", text: "€😀" });
  assert.deepEqual(type([0xe2], [0x82], [0xac], "\r"), { kind: "done", text: "€" });
});

Deno.test("P2: an arrow, a function key or Alt does not get into a secret", () => {
  assert.deepEqual(type("a\x1b[A", "b\x1bOP", "c\x1b[15~\x1bxd\r"), { kind: "done", text: "abcd" });
  assert.deepEqual(type("\x1b[200~pasted\n\x1b[201~", "!\r"), { kind: "done", text: "pasted!" });
});

Deno.test("what is typed is bounded", () => {
  const input = type("x".repeat(10_000), "\r");
  assert.equal(input.kind === "done" && input.text.length, 512);
});
