import assert from "node:assert/strict";
import { counting } from "../../tests/support/protocol_samples.ts";
import noise from "../../tests/vectors/noise.json" with { type: "json" };
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import {
  CipherState,
  createInitiator,
  createResponder,
  type Handshake,
  NOISE_PROTOCOL_NAME,
  type Transport,
} from "./noise.ts";

const hex = (text: string | undefined): Uint8Array => Uint8Array.fromHex(text ?? "");

function assertRefused(act: () => unknown, code: ProtocolErrorCode): void {
  assert.throws(act, (error) => error instanceof ProtocolError && error.code === code);
}

for (const [index, vector] of noise.vectors.entries()) {
  Deno.test(`published vector ${index + 1} of ${noise.vectors.length} comes out the same (${vector.source})`, () => {
    assert.equal(vector.protocol_name, NOISE_PROTOCOL_NAME);
    const initiator = createInitiator({
      psk: hex(vector.init_psks[0]),
      prologue: hex(vector.init_prologue),
      ephemeral: hex(vector.init_ephemeral),
    });
    const responder = createResponder({
      psk: hex(vector.resp_psks[0]),
      prologue: hex(vector.resp_prologue),
      ephemeral: hex(vector.resp_ephemeral),
    });
    const [first, second, ...others] = vector.messages;
    for (const [message, writer, reader] of [[first, initiator, responder], [second, responder, initiator]] as const) {
      assert.equal(writer.writeMessage(hex(message?.payload)).toHex(), message?.ciphertext);
      assert.deepEqual(reader.readMessage(hex(message?.ciphertext)), hex(message?.payload));
    }
    const ends = [initiator.split(), responder.split()] as const;
    for (const end of ends) {
      if ("handshake_hash" in vector) assert.equal(end.handshakeHash.toHex(), vector.handshake_hash);
    }
    for (const [turn, message] of others.entries()) {
      const [from, to] = turn % 2 === 0 ? ends : [ends[1], ends[0]];
      assert.equal(from.send.encrypt(hex(message.payload)).toHex(), message.ciphertext);
      assert.deepEqual(to.receive.decrypt(hex(message.ciphertext)), hex(message.payload));
    }
  });
}

const prologue = counting(0, 8);
const psk = counting(1, 32);

function handshake(
  options: { readonly responderPsk?: Uint8Array; readonly responderPrologue?: Uint8Array } = {},
): [Transport, Transport] {
  const initiator = createInitiator({ psk, prologue });
  const responder = createResponder({
    psk: options.responderPsk ?? psk,
    prologue: options.responderPrologue ?? prologue,
  });
  responder.readMessage(initiator.writeMessage());
  initiator.readMessage(responder.writeMessage());
  return [initiator.split(), responder.split()];
}

Deno.test("fresh keys make every connection another one", () => {
  const [first, second] = [handshake(), handshake()];
  assert.notDeepEqual(first[0].handshakeHash, second[0].handshakeHash);
  const message = first[0].send.encrypt(counting(0, 5));
  assertRefused(() => second[1].receive.decrypt(message), "bad-tag");
});

Deno.test("another key or another prologue shows in the first message", () => {
  assertRefused(() => handshake({ responderPsk: counting(2, 32) }), "wrong-key");
  assertRefused(() => handshake({ responderPrologue: counting(1, 8) }), "wrong-key");
});

Deno.test("a handshake message changed in any byte, cut or extended is refused", () => {
  const message = createInitiator({ psk, prologue }).writeMessage();
  for (let index = 0; index < message.length; index++) {
    const changed = message.with(index, (message[index] ?? 0) ^ 0x80);
    assert.throws(() => createResponder({ psk, prologue }).readMessage(changed), ProtocolError, `${index}`);
  }
  assertRefused(() => createResponder({ psk, prologue }).readMessage(message.subarray(0, 47)), "truncated");
  assertRefused(() => createResponder({ psk, prologue }).readMessage(new Uint8Array([...message, 0])), "wrong-key");
  assertRefused(() => createResponder({ psk, prologue }).readMessage(new Uint8Array(65536)), "oversize");
});

Deno.test("a public key of small order is refused on both sides", () => {
  // RFC 7748 section 6.1: the result would be all zeros. The points 0 and 1.
  for (const point of [new Uint8Array(32), new Uint8Array(32).with(0, 1)]) {
    const initiator = createInitiator({ psk, prologue });
    initiator.writeMessage();
    assertRefused(() => initiator.readMessage(new Uint8Array([...point, ...new Uint8Array(16)])), "malformed");
  }
});

Deno.test("calls in the wrong order are a programmer's error", () => {
  const wrong: readonly [(handshake: Handshake) => unknown, Handshake][] = [
    [(side) => side.split(), createInitiator({ psk, prologue })],
    [(side) => side.readMessage(new Uint8Array(48)), createInitiator({ psk, prologue })],
    [(side) => side.writeMessage(), createResponder({ psk, prologue })],
  ];
  for (const [call, side] of wrong) assert.throws(() => call(side), /wrong order/);
  const responder = createResponder({ psk, prologue });
  assert.throws(() => responder.readMessage(new Uint8Array(48)), ProtocolError);
  assert.throws(() => responder.writeMessage(), /after a failure/);
});

Deno.test("a cipher refuses what is repeated, left out, reordered or changed, and everything after", () => {
  const ends = (): [CipherState, CipherState] => [new CipherState(psk), new CipherState(psk)];
  const cases: readonly ((messages: readonly Uint8Array[]) => readonly (Uint8Array | undefined)[])[] = [
    ([a, b]) => [a, a, b],
    ([, b]) => [b],
    ([a, b, c]) => [a, c, b],
    ([a, b]) => [a?.with(0, 1 ^ (a[0] ?? 0)), b],
    ([a, b]) => [a?.subarray(0, -1), b],
    ([a]) => [a?.subarray(0, 10), a],
  ];
  for (const arrange of cases) {
    const [send, receive] = ends();
    const messages = [1, 2, 3].map((start) => send.encrypt(counting(start, 20)));
    const outcomes = arrange(messages).map((message) => {
      try {
        receive.decrypt(message ?? new Uint8Array(0));
        return "ok";
      } catch (error) {
        assert(error instanceof ProtocolError);
        return error.code;
      }
    });
    const firstFailure = outcomes.findIndex((outcome) => outcome !== "ok");
    assert(firstFailure >= 0 && firstFailure <= 1);
    assert(outcomes.slice(firstFailure + 1).every((outcome) => outcome === "bad-tag"), outcomes.join());
  }
});

Deno.test("associated data is part of the tag, parts are one plaintext, headroom is left free", () => {
  const whole = new CipherState(psk).encrypt(counting(0, 30), { associatedData: prologue });
  const parts = new CipherState(psk).encryptParts([counting(0, 1), counting(1, 29)], {
    associatedData: prologue,
    headroomBytes: 2,
  });
  assert.deepEqual(parts.subarray(2), whole);
  assert.deepEqual(new CipherState(psk).decrypt(whole, { associatedData: prologue }), counting(0, 30));
  assertRefused(() => new CipherState(psk).decrypt(whole), "bad-tag");
});
