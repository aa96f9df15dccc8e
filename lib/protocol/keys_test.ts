import assert from "node:assert/strict";
import { otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { deriveKeys } from "./keys.ts";

Deno.test("each purpose and each shared key has its own key", async () => {
  const derived = [await deriveKeys(sharedKey), await deriveKeys(otherSharedKey)];
  const keys = derived.flatMap(({ discoveryKey, bootPsk }) => [discoveryKey, bootPsk]);
  assert.equal(new Set([sharedKey, otherSharedKey, ...keys].map((key) => key.toHex())).size, 6);
  assert(keys.every((key) => key.length === 32));
});

Deno.test("a shared key of another length is refused", async () => {
  for (const length of [0, 16, 31, 33]) await assert.rejects(deriveKeys(new Uint8Array(length)), RangeError);
});
