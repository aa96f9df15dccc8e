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
import { hkdfSha256, sha256 } from "./primitives.ts";

const hex = (text: string | undefined): Uint8Array => Uint8Array.fromHex(text ?? "");

async function assertRefused(promise: Promise<unknown>, code: ProtocolErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof ProtocolError && error.code === code);
}

for (const [index, vector] of noise.vectors.entries()) {
  Deno.test(`published vector ${index + 1} of ${noise.vectors.length} comes out the same (${vector.source})`, async () => {
    assert.equal(vector.protocol_name, NOISE_PROTOCOL_NAME);
    const initiator = await createInitiator({
      psk: hex(vector.init_psks[0]),
      prologue: hex(vector.init_prologue),
      ephemeral: hex(vector.init_ephemeral),
    });
    const responder = await createResponder({
      psk: hex(vector.resp_psks[0]),
      prologue: hex(vector.resp_prologue),
      ephemeral: hex(vector.resp_ephemeral),
    });
    const [first, second, ...others] = vector.messages;
    for (const [message, writer, reader] of [[first, initiator, responder], [second, responder, initiator]] as const) {
      assert.equal((await writer.writeMessage(hex(message?.payload))).toHex(), message?.ciphertext);
      assert.deepEqual(await reader.readMessage(hex(message?.ciphertext)), hex(message?.payload));
    }
    const ends = [await initiator.split(), await responder.split()] as const;
    for (const end of ends) {
      if ("handshake_hash" in vector) assert.equal(end.handshakeHash.toHex(), vector.handshake_hash);
    }
    for (const [turn, message] of others.entries()) {
      const [from, to] = turn % 2 === 0 ? ends : [ends[1], ends[0]];
      assert.equal((await from.send.encrypt(hex(message.payload))).toHex(), message.ciphertext);
      assert.deepEqual(await to.receive.decrypt(hex(message.ciphertext)), hex(message.payload));
    }
  });
}

const prologue = counting(0, 8);
const psk = counting(1, 32);

async function handshake(
  options: { readonly responderPsk?: Uint8Array; readonly responderPrologue?: Uint8Array } = {},
): Promise<[Transport, Transport]> {
  const initiator = await createInitiator({ psk, prologue });
  const responder = await createResponder({
    psk: options.responderPsk ?? psk,
    prologue: options.responderPrologue ?? prologue,
  });
  await responder.readMessage(await initiator.writeMessage());
  await initiator.readMessage(await responder.writeMessage());
  return [await initiator.split(), await responder.split()];
}

Deno.test("fresh keys make every connection another one", async () => {
  const [first, second] = [await handshake(), await handshake()];
  assert.notDeepEqual(first[0].handshakeHash, second[0].handshakeHash);
  const message = await first[0].send.encrypt(counting(0, 5));
  await assertRefused(second[1].receive.decrypt(message), "bad-tag");
});

Deno.test("another key or another prologue shows in the first message", async () => {
  await assertRefused(handshake({ responderPsk: counting(2, 32) }), "wrong-key");
  await assertRefused(handshake({ responderPrologue: counting(1, 8) }), "wrong-key");
});

Deno.test("a handshake message changed in any byte, cut or extended is refused", async () => {
  const message = await (await createInitiator({ psk, prologue })).writeMessage();
  const read = async (bytes: Uint8Array): Promise<Uint8Array> =>
    await (await createResponder({ psk, prologue })).readMessage(bytes);
  for (let index = 0; index < message.length; index++) {
    const changed = message.with(index, (message[index] ?? 0) ^ 0x80);
    await assert.rejects(read(changed), ProtocolError, `${index}`);
  }
  await assertRefused(read(message.subarray(0, 47)), "truncated");
  await assertRefused(read(new Uint8Array([...message, 0])), "wrong-key");
  await assertRefused(read(new Uint8Array(65536)), "oversize");
});

/** Points of small order (RFC 7748 section 6.1): 0, 1, p - 1, p, p + 1 and the two of order 8. */
const smallOrder = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
].map(hex);

Deno.test("a public key of small order is refused on both sides", async () => {
  for (const point of smallOrder) {
    const initiator = await createInitiator({ psk, prologue });
    await initiator.writeMessage();
    const forged = new Uint8Array([...point, ...new Uint8Array(16)]);
    await assertRefused(initiator.readMessage(forged), "malformed");
    // Who has the key can make a first message with such a point that fits: its answer is refused.
    const responder = await createResponder({ psk, prologue });
    await responder.readMessage(await forgeFirstMessage(point));
    await assertRefused(responder.writeMessage(), "malformed");
    await assert.rejects(responder.split(), /after a failure/);
  }
});

/** What an initiator with this public key would send: the steps of the specification, by hand. */
async function forgeFirstMessage(publicKey: Uint8Array): Promise<Uint8Array> {
  const nothing = new Uint8Array(0);
  const name = await sha256(new TextEncoder().encode(NOISE_PROTOCOL_NAME));
  let hash = await sha256(name, prologue);
  const first = await hkdfSha256(psk, { salt: name, info: nothing, sizeBytes: 96 });
  hash = await sha256(hash, first.subarray(32, 64));
  hash = await sha256(hash, publicKey);
  const second = await hkdfSha256(publicKey, { salt: first.subarray(0, 32), info: nothing, sizeBytes: 64 });
  const cipher = await CipherState.create(second.subarray(32));
  return new Uint8Array([...publicKey, ...await cipher.encrypt(nothing, { associatedData: hash })]);
}

Deno.test("calls in the wrong order, or before the last one has ended, are a programmer's error", async () => {
  const wrong: readonly [(handshake: Handshake) => Promise<unknown>, Handshake][] = [
    [(side) => side.split(), await createInitiator({ psk, prologue })],
    [(side) => side.readMessage(new Uint8Array(48)), await createInitiator({ psk, prologue })],
    [(side) => side.writeMessage(), await createResponder({ psk, prologue })],
  ];
  for (const [call, side] of wrong) await assert.rejects(call(side), /wrong order/);
  const responder = await createResponder({ psk, prologue });
  await assert.rejects(responder.readMessage(new Uint8Array(48)), ProtocolError);
  await assert.rejects(responder.writeMessage(), /after a failure/);
  const initiator = await createInitiator({ psk, prologue });
  const [message, again] = await Promise.allSettled([initiator.writeMessage(), initiator.writeMessage()]);
  assert(message.status === "fulfilled" && again.status === "rejected");
  assert.match(String(again.reason), /wrong order/);
});

const createEnds = async (): Promise<[CipherState, CipherState]> => [
  await CipherState.create(psk),
  await CipherState.create(psk),
];

Deno.test("a cipher refuses what is repeated, left out, reordered or changed, and everything after", async () => {
  const cases: readonly ((messages: readonly Uint8Array[]) => readonly (Uint8Array | undefined)[])[] = [
    ([a, b]) => [a, a, b],
    ([, b]) => [b],
    ([a, b, c]) => [a, c, b],
    ([a, b]) => [a?.with(0, 1 ^ (a[0] ?? 0)), b],
    ([a, b]) => [a?.subarray(0, -1), b],
    ([a]) => [a?.subarray(0, 10), a],
  ];
  for (const arrange of cases) {
    const [send, receive] = await createEnds();
    const messages: Uint8Array[] = [];
    for (const start of [1, 2, 3]) messages.push(await send.encrypt(counting(start, 20)));
    const outcomes: string[] = [];
    for (const message of arrange(messages)) {
      try {
        await receive.decrypt(message ?? new Uint8Array(0));
        outcomes.push("ok");
      } catch (error) {
        assert(error instanceof ProtocolError);
        outcomes.push(error.code);
      }
    }
    const firstFailure = outcomes.findIndex((outcome) => outcome !== "ok");
    assert(firstFailure >= 0 && firstFailure <= 1);
    assert(outcomes.slice(firstFailure + 1).every((outcome) => outcome === "bad-tag"), outcomes.join());
  }
});

Deno.test("a message that is encrypted before the last one is done gets no number, and the others keep theirs", async () => {
  const [send, receive] = await createEnds();
  const texts = [1, 2, 3].map((start) => counting(start, 100_000));
  const overlapping = await Promise.allSettled(texts.map((text) => send.encrypt(text)));
  assert.deepEqual(overlapping.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  const sealed = overlapping.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  sealed.push(await send.encrypt(counting(2, 100_000)));
  for (const [index, message] of sealed.entries()) {
    assert.deepEqual(await receive.decrypt(message), texts[index]);
  }
  assert.equal(sealed.length, 2);
});

Deno.test("messages that are decrypted before the last one is done are refused, and do no harm to it", async () => {
  const [send, receive] = await createEnds();
  const first = await send.encrypt(counting(0, 1000));
  const second = await send.encrypt(counting(1, 1000));
  const [opened, overlapping] = await Promise.allSettled([receive.decrypt(first), receive.decrypt(second)]);
  assert(opened.status === "fulfilled" && overlapping.status === "rejected");
  assert.match(String(overlapping.reason), /before it was done/);
  assert.deepEqual(await receive.decrypt(second), counting(1, 1000));
});

Deno.test("what is encrypted or decrypted may be written over at once", async () => {
  const [send, receive] = await createEnds();
  const text = counting(0, 600_000);
  const buffer = new Uint8Array(text);
  const encrypting = send.encrypt(buffer);
  buffer.fill(0xff);
  const message = await encrypting;
  const decrypting = receive.decrypt(message);
  message.fill(0xff);
  assert.deepEqual(await decrypting, text);
});

Deno.test("associated data is part of the tag", async () => {
  const [send, receive] = await createEnds();
  const message = await send.encrypt(counting(0, 30), { associatedData: prologue });
  assert.deepEqual(await receive.decrypt(message, { associatedData: prologue }), counting(0, 30));
  await assertRefused((await CipherState.create(psk)).decrypt(message), "bad-tag");
});
