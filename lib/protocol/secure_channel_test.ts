import assert from "node:assert/strict";
import {
  bodyOf,
  connectChannel,
  counting,
  hello,
  otherSharedKey,
  sharedKey,
} from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { formatClientMessage, parseClientPlaintext, parseServerPlaintext } from "./boot_exchange.ts";
import { DATA_MAX_BYTES } from "./frames.ts";
import { deriveKeys } from "./keys.ts";
import { answerClientOpening, declineBusy, startClientHandshake } from "./secure_channel.ts";

const psk = deriveKeys(sharedKey).bootPsk;

function assertRefused(act: () => unknown, code: ProtocolErrorCode): void {
  assert.throws(act, (error) => error instanceof ProtocolError && error.code === code);
}

Deno.test("messages and pieces of the archive cross the channel", () => {
  const { client, server } = connectChannel({ psk });
  assert.deepEqual(client.handshakeHash, server.handshakeHash);
  assert.deepEqual(parseClientPlaintext(server.open(bodyOf(client.seal(formatClientMessage(hello))))), hello);
  for (const size of [DATA_MAX_BYTES, 1, 1000, DATA_MAX_BYTES - 1]) {
    const frame = server.sealData(counting(size, size));
    const read = parseServerPlaintext(client.open(bodyOf(frame)));
    assert(read.kind === "data");
    assert.deepEqual(new Uint8Array(read.bytes), counting(size, size));
    assert.equal(frame.length, 4 + 1 + size + 16);
  }
  assert.throws(() => server.sealData(new Uint8Array(DATA_MAX_BYTES + 1)), RangeError);
  assert.throws(() => server.sealData(new Uint8Array(0)), RangeError);
});

Deno.test("another key is said on both sides", () => {
  const handshake = startClientHandshake({ psk: deriveKeys(otherSharedKey).bootPsk });
  const answer = answerClientOpening(bodyOf(handshake.opening), { psk });
  assert(answer.kind === "declined" && answer.error.code === "wrong-key");
  assert.throws(() => handshake.finish(bodyOf(answer.reply)), /A stiefelsystem answers with another key/);
});

Deno.test("another version, a full house and nonsense are said to the client", () => {
  const handshake = (): ReturnType<typeof startClientHandshake> => startClientHandshake({ psk });
  const opening = bodyOf(handshake().opening);
  const cases = [
    [answerClientOpening(opening.with(7, 2), { psk }), "unknown-version"],
    [answerClientOpening(opening.with(0, 0), { psk }), "malformed"],
    [answerClientOpening(new Uint8Array(0), { psk }), "malformed"],
    [declineBusy(), "refused"],
  ] as const;
  for (const [answer, code] of cases) {
    assert(answer.kind === "declined");
    assertRefused(() => handshake().finish(bodyOf(answer.reply)), code);
  }
});

Deno.test("a server without the key cannot pretend to have it", () => {
  const handshake = startClientHandshake({ psk });
  const forged = new Uint8Array([...new TextEncoder().encode("STIEFEL"), 1, 0, ...counting(9, 48)]);
  assertRefused(() => handshake.finish(forged), "wrong-key");
});

Deno.test("a connection that is played again gets no further than the handshake", () => {
  const recorded = connectChannel({ psk });
  const helloFrame = recorded.client.seal(formatClientMessage(hello));
  const answer = answerClientOpening(bodyOf(recorded.opening), { psk });
  // Anyone may repeat an opening; the first sealed frame does not fit the new handshake.
  assert(answer.kind === "accepted");
  assertRefused(() => answer.channel.open(bodyOf(helloFrame)), "bad-tag");
});
