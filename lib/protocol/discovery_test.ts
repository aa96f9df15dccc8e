import assert from "node:assert/strict";
import { counting, discoveryMessages, otherSharedKey, sharedKey } from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { DISCOVERY_BYTES, type DiscoveryMessage, formatDiscovery, parseDiscovery } from "./discovery.ts";
import { deriveKeys } from "./keys.ts";

const key = deriveKeys(sharedKey).discoveryKey;
const otherKey = deriveKeys(otherSharedKey).discoveryKey;

function assertRefused(bytes: Uint8Array, code: ProtocolErrorCode): void {
  assert.throws(() => parseDiscovery(bytes, key), (error) => error instanceof ProtocolError && error.code === code);
}

Deno.test("datagrams survive a round trip and are all of one length", () => {
  for (const message of discoveryMessages) {
    const bytes = formatDiscovery(message, key);
    assert.equal(bytes.length, DISCOVERY_BYTES);
    assert.deepEqual(parseDiscovery(bytes, key), { message, authentic: true });
    assert.deepEqual(parseDiscovery(bytes, otherKey), { message, authentic: false });
  }
});

Deno.test("a datagram changed in any bit is refused or not authentic", () => {
  for (const message of discoveryMessages) {
    const bytes = formatDiscovery(message, key);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const index = bit >> 3;
      const changed = bytes.with(index, (bytes[index] ?? 0) ^ (1 << (bit & 7)));
      try {
        assert.equal(parseDiscovery(changed, key).authentic, false);
      } catch (error) {
        assert(error instanceof ProtocolError);
      }
    }
  }
});

Deno.test("other lengths, versions, types and contents are refused", () => {
  const discover = formatDiscovery({ kind: "discover", clientNonce: counting(0, 16) }, key);
  for (let length = 5; length < discover.length; length++) assertRefused(discover.subarray(0, length), "truncated");
  assertRefused(new Uint8Array(0), "malformed");
  assertRefused(new Uint8Array([...discover, 0]), "oversize");
  assertRefused(discover.with(0, 0), "malformed");
  assertRefused(discover.with(4, 2), "unknown-version");
  assertRefused(discover.with(4, 2).subarray(0, 5), "unknown-version");
  assertRefused(discover.with(5, 0), "malformed");
  assertRefused(discover.with(5, 6), "malformed");
  assertRefused(discover.with(30, 1), "malformed");
  assertRefused(discover.with(111, 1), "malformed");
});

Deno.test("fields out of their bounds are not written", () => {
  const offer = discoveryMessages.find((message) => message.kind === "offer");
  assert(offer?.kind === "offer");
  const bad: readonly DiscoveryMessage[] = [
    { ...offer, name: "x".repeat(65) },
    { ...offer, name: "ä".repeat(33) },
    { ...offer, name: "\x1b[2J" },
    { ...offer, tcpPort: 65536 },
    { ...offer, clientNonce: counting(0, 15) },
  ];
  for (const message of bad) assert.throws(() => formatDiscovery(message, key), RangeError);
});
