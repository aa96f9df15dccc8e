import assert from "node:assert/strict";
import { ProtocolError } from "../errors.ts";
import {
  answerPairing,
  checkPairingMessage,
  formatPairingGreeting,
  formatPairingOpening,
  formatPairingRefusal,
  PAIRING_FRAME_MAX_BYTES,
  type PairingGreeting,
  PairingStatus,
  parsePairingGreeting,
  parsePairingOpening,
  startPairing,
} from "./pairing.ts";

const salt = Uint8Array.from({ length: 16 }, (_, index) => index);
const sharedKey = new Uint8Array(32).fill(7);
const psk = new Uint8Array(32).fill(1);
const greeting: PairingGreeting = { status: PairingStatus.ok, salt, triesLeft: 3, name: "Lapptüp" };

function codeOf(error: unknown): string {
  return error instanceof ProtocolError ? error.code : String(error);
}

Deno.test("openings and greetings come back as they were, in one form only", () => {
  parsePairingOpening(formatPairingOpening());
  for (const one of [greeting, { ...greeting, name: "" }, { ...greeting, name: "x".repeat(64) }]) {
    assert.deepEqual(parsePairingGreeting(formatPairingGreeting(one)), one);
    assert.equal(formatPairingGreeting(one).length, PAIRING_FRAME_MAX_BYTES);
  }
  const { over, unknownVersion, malformed } = PairingStatus;
  for (const status of [over, unknownVersion, malformed]) {
    assert.deepEqual(parsePairingGreeting(formatPairingGreeting({ status })), { status });
  }
  const bytes = formatPairingGreeting(greeting);
  const outcomes: readonly (readonly [Uint8Array, string])[] = [
    [bytes.subarray(0, -1), "truncated"],
    [new Uint8Array([...bytes, 0]), "oversize"],
    [bytes.with(bytes.length - 1, 1), "malformed"],
    [bytes.with(0, 0x73), "malformed"],
    [bytes.with(7, 2), "unknown-version"],
    [bytes.with(8, 9), "malformed"],
    [bytes.with(8, 1), "malformed"],
    [bytes.with(25, 0), "malformed"],
    [bytes.with(26, 65), "malformed"],
    [bytes.with(27, 0x0a), "malformed"],
    [bytes.with(27, 0xff), "malformed"],
    [new Uint8Array(0), "truncated"],
  ];
  for (const [changed, code] of outcomes) {
    assert.throws(() => parsePairingGreeting(changed), (error) => codeOf(error) === code, changed.toHex());
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parsePairingGreeting(bytes.subarray(0, length)), ProtocolError, String(length));
  }
});

Deno.test("the same code gives the key", async () => {
  const desktop = await startPairing({ psk, salt });
  checkPairingMessage(desktop.message);
  const answer = await answerPairing(desktop.message, { psk, salt, sharedKey });
  assert.deepEqual(await desktop.finish(answer), sharedKey);
  assert.ok(!answer.toHex().includes(sharedKey.toHex()));
});

Deno.test("another code, another salt or a changed byte gives none", async () => {
  const other = new Uint8Array(32).fill(2);
  for (const laptop of [{ psk: other, salt }, { psk, salt: salt.with(0, 9) }]) {
    const desktop = await startPairing({ psk, salt });
    await assert.rejects(
      answerPairing(desktop.message, { ...laptop, sharedKey }),
      (error) => codeOf(error) === "wrong-key",
    );
  }
  const desktop = await startPairing({ psk, salt });
  const answer = await answerPairing(desktop.message, { psk, salt, sharedKey });
  await assert.rejects(
    desktop.finish(answer.with(40, (answer[40] ?? 0) ^ 1)),
    (error) => codeOf(error) === "wrong-key",
  );
  // One who poses as the laptop without knowing the code
  const again = await startPairing({ psk, salt });
  await assert.rejects(answerPairing(again.message, { psk: other, salt, sharedKey }), ProtocolError);
});

Deno.test("refusals are told apart", async () => {
  for (const [status, code] of [[PairingStatus.wrongCode, "wrong-key"], [PairingStatus.over, "refused"]] as const) {
    const desktop = await startPairing({ psk, salt });
    await assert.rejects(desktop.finish(formatPairingRefusal(status)), (error) => codeOf(error) === code);
  }
  for (const body of [[], [9], [0], [0, 1, 2]]) {
    const desktop = await startPairing({ psk, salt });
    await assert.rejects(desktop.finish(new Uint8Array(body)), ProtocolError);
  }
  assert.throws(() => checkPairingMessage(new Uint8Array(47)), (error) => codeOf(error) === "truncated");
  assert.throws(() => checkPairingMessage(new Uint8Array(49)), (error) => codeOf(error) === "oversize");
});
