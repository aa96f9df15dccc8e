import assert from "node:assert/strict";
import { formatDhcpDiscover, parseDhcpAnswer } from "./dhcp_message.ts";

const discover = formatDhcpDiscover({ transactionId: 0x12345678, mac: "52:54:00:aa:bb:cc" });

/** An answer as dnsmasq 2.91 sends it to that question, with the options given. */
function answer(options: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(300);
  bytes.set(discover.subarray(0, 240));
  bytes[0] = 2;
  bytes.set(options, 240);
  return bytes;
}

Deno.test("a DISCOVER has the card's address, and asks for a broadcast", () => {
  assert.equal(discover.length, 300);
  assert.equal(discover.subarray(0, 12).toHex(), "010106001234567800008000");
  assert.equal(discover.subarray(28, 34).toHex(), "525400aabbcc");
  assert.equal(discover.subarray(236, 245).toHex(), "63825363350101ff00");
});

Deno.test("an offer and an acknowledgement name the server; what is neither says nothing", () => {
  const identifier = [54, 4, 192, 0, 2, 1];
  const expected = { transactionId: 0x12345678, server: "192.0.2.1" };
  assert.deepEqual(parseDhcpAnswer(answer([53, 1, 2, ...identifier, 255])), expected);
  assert.deepEqual(parseDhcpAnswer(answer([0, 0, ...identifier, 51, 4, 0, 0, 0, 9, 53, 1, 5])), expected);
  for (
    const [what, bytes] of [
      ["our own question", discover],
      ["without a server", answer([53, 1, 2, 255])],
      ["a refusal", answer([53, 1, 6, ...identifier, 255])],
      ["without a type", answer([...identifier, 255])],
      ["a short address", answer([53, 1, 2, 54, 3, 1, 2, 3, 255])],
      ["an option that is cut off", answer([53, 1, 2, ...identifier, 12, 200, 255])],
      ["BOOTP", answer([53, 1, 2, ...identifier, 255]).with(236, 0)],
      ["too short", answer([53, 1, 2]).subarray(0, 239)],
      ["nothing", new Uint8Array(0)],
    ] as const
  ) assert.equal(parseDhcpAnswer(bytes), undefined, what);
});

Deno.test("no bytes make it fail", () => {
  let seed = 1;
  const random = (): number => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) >>> 24;
  for (let turn = 0; turn < 2000; turn++) {
    const bytes = answer(Array.from({ length: 60 }, random)).subarray(0, 240 + random() % 61);
    parseDhcpAnswer(bytes);
  }
});
