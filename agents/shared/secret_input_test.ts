import assert from "node:assert/strict";
import { emptySecretInput, typeSecret } from "./secret_input.ts";

const type = (...pieces: (string | number[])[]): ReturnType<typeof typeSecret> =>
  pieces.map((piece) => typeof piece === "string" ? new TextEncoder().encode(piece) : new Uint8Array(piece))
    .reduce(typeSecret, emptySecretInput);

Deno.test("a secret is edited as on a terminal", () => {
  assert.deepEqual(type("abc\r"), { kind: "done", text: "abc" });
  assert.deepEqual(type("ab", "c\nignored"), { kind: "done", text: "abc" });
  assert.deepEqual(type("aé", [0x7f], "b\r"), { kind: "done", text: "ab" });
  assert.deepEqual(type("wrong", [0x15], "right\r"), { kind: "done", text: "right" });
  assert.deepEqual(type([0x7f], "a", [0x1b], "\r"), { kind: "done", text: "a" });
  assert.deepEqual(type("abc", [0x03]), { kind: "stopped" });
  assert.deepEqual(type("€\r"), { kind: "done", text: "€" });
});

Deno.test("what is typed is bounded", () => {
  const input = type("x".repeat(10_000), "\r");
  assert.equal(input.kind === "done" && input.text.length, 512);
});
