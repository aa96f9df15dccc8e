import assert from "node:assert/strict";
import { counting, discoveryMessages, otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import {
  DISCOVERY_BYTES,
  type DiscoveryMessage,
  formatDiscovery,
  importDiscoveryKey,
  parseDiscovery,
} from "./discovery.ts";
import { deriveKeys } from "./keys.ts";

const [key, otherKey] = await Promise.all(
  [sharedKey, otherSharedKey].map(async (one) => await importDiscoveryKey((await deriveKeys(one)).discoveryKey)),
) as [CryptoKey, CryptoKey];

async function assertRefused(bytes: Uint8Array, code: ProtocolErrorCode): Promise<void> {
  await assert.rejects(parseDiscovery(bytes, key), (error) => error instanceof ProtocolError && error.code === code);
}

Deno.test("datagrams survive a round trip and are all of one length", async () => {
  for (const message of discoveryMessages) {
    const bytes = await formatDiscovery(message, key);
    assert.equal(bytes.length, DISCOVERY_BYTES);
    assert.deepEqual(await parseDiscovery(bytes, key), { message, authentic: true });
    assert.deepEqual(await parseDiscovery(bytes, otherKey), { message, authentic: false });
  }
});

Deno.test("a datagram changed in any bit is refused or not authentic", async () => {
  for (const message of discoveryMessages) {
    const bytes = await formatDiscovery(message, key);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const index = bit >> 3;
      const changed = bytes.with(index, (bytes[index] ?? 0) ^ (1 << (bit & 7)));
      try {
        assert.equal((await parseDiscovery(changed, key)).authentic, false);
      } catch (error) {
        assert(error instanceof ProtocolError);
      }
    }
  }
});

Deno.test("other lengths, versions, types and contents are refused", async () => {
  const discover = await formatDiscovery({ kind: "discover", clientNonce: counting(0, 16) }, key);
  for (let length = 5; length < discover.length; length++) {
    await assertRefused(discover.subarray(0, length), "truncated");
  }
  await assertRefused(new Uint8Array(0), "malformed");
  await assertRefused(new Uint8Array([...discover, 0]), "oversize");
  await assertRefused(discover.with(0, 0), "malformed");
  await assertRefused(discover.with(4, 2), "unknown-version");
  await assertRefused(discover.with(4, 2).subarray(0, 5), "unknown-version");
  await assertRefused(discover.with(5, 0), "malformed");
  await assertRefused(discover.with(5, 6), "malformed");
  await assertRefused(discover.with(30, 1), "malformed");
  await assertRefused(discover.with(111, 1), "malformed");
});

Deno.test("fields out of their bounds are not written", async () => {
  const offer = discoveryMessages.find((message) => message.kind === "offer");
  assert(offer?.kind === "offer");
  const bad: readonly DiscoveryMessage[] = [
    { ...offer, name: "x".repeat(65) },
    { ...offer, name: "ä".repeat(33) },
    { ...offer, name: "\x1b[2J" },
    { ...offer, tcpPort: 65536 },
    { ...offer, clientNonce: counting(0, 15) },
  ];
  for (const message of bad) await assert.rejects(formatDiscovery(message, key), RangeError);
});
