import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { formatDiscovery, importDiscoveryKey, isAuthentic } from "../../lib/protocol/discovery.ts";
import { deriveKeys, keyFingerprint } from "../../lib/protocol/keys.ts";
import { findPreference, keyNamed, readClientKeys } from "./client_keys.ts";

const makeKey = (seed: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: 32 }, (_, index) => index + seed);

Deno.test("a client has its own key first, and those in the folder beside it, each derived for itself", async () => {
  const system = createMemorySystem({ files: { "/k/aes-keys/bell": makeKey(1), "/k/aes-keys/vaio": makeKey(2) } });
  for (const name of ["bell", "vaio"]) await system.chmod(`/k/aes-keys/${name}`, 0o600);
  const { discoveryKey, bootPsk } = await deriveKeys(makeKey(0));
  const own = { discoveryKey: await importDiscoveryKey(discoveryKey), bootPsk, sharedKey: makeKey(0) };
  const environment = { keys: own, keyFingerprint: await keyFingerprint(makeKey(0)) };
  const keys = await readClientKeys(system, environment, "/k/aes-key");
  assert.deepEqual(keys.map(({ name }) => name), [undefined, "bell", "vaio"]);
  for (const [index, key] of keys.entries()) {
    assert.equal(key.fingerprint, await keyFingerprint(makeKey(index)));
    assert.deepEqual(key.bootPsk, (await deriveKeys(makeKey(index))).bootPsk);
    const asked = await formatDiscovery({ kind: "discover", clientNonce: new Uint8Array(16) }, key.discoveryKey);
    const fitting = await Promise.all(keys.map((other) => isAuthentic(asked, other.discoveryKey)));
    assert.deepEqual(fitting, keys.map((_, other) => other === index));
  }
  assert.equal(keyNamed(keys, "vaio"), keys[2]);
  assert.equal(keyNamed(keys, undefined), keys[0]);
  assert.throws(() => keyNamed(keys, "other"), TypeError);
  assert.equal((await readClientKeys(createMemorySystem(), environment, "/k/aes-key")).length, 1);
});

Deno.test("the stick's default is the name of a key, or what a laptop with the own key calls itself", () => {
  const keys = [{}, { name: "bell" }];
  assert.deepEqual(findPreference(keys, "bell"), { preferred: "bell", preferredKey: "bell" });
  assert.deepEqual(findPreference(keys, "vaio"), { preferred: "vaio", preferredKey: undefined });
  assert.deepEqual(findPreference(keys, undefined), { preferred: undefined, preferredKey: undefined });
});
