import assert from "node:assert/strict";
import { otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { deriveKeys, keyFingerprint } from "./keys.ts";

Deno.test("each purpose and each shared key has its own key", async () => {
  const derived = [await deriveKeys(sharedKey), await deriveKeys(otherSharedKey)];
  const keys = derived.flatMap(({ discoveryKey, bootPsk }) => [discoveryKey, bootPsk]);
  assert.equal(new Set([sharedKey, otherSharedKey, ...keys].map((key) => key.toHex())).size, 6);
  assert(keys.every((key) => key.length === 32));
});

Deno.test("a shared key of another length is refused", async () => {
  for (const length of [0, 16, 31, 33]) await assert.rejects(deriveKeys(new Uint8Array(length)), RangeError);
});

Deno.test("a fingerprint tells keys apart and is no part of a derived key", async () => {
  const fingerprint = await keyFingerprint(sharedKey);
  assert.match(fingerprint, /^[0-9a-f]{4}(-[0-9a-f]{4}){3}$/);
  assert.notEqual(fingerprint, await keyFingerprint(otherSharedKey));
  const { discoveryKey, bootPsk } = await deriveKeys(sharedKey);
  for (const key of [sharedKey, discoveryKey, bootPsk]) {
    assert.ok(!key.toHex().includes(fingerprint.replaceAll("-", "")));
  }
  await assert.rejects(keyFingerprint(new Uint8Array(31)), RangeError);
});
