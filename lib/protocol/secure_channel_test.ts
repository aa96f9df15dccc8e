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

const psk = (await deriveKeys(sharedKey)).bootPsk;

async function assertRefused(promise: Promise<unknown>, code: ProtocolErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof ProtocolError && error.code === code);
}

Deno.test("messages and pieces of the archive cross the channel", async () => {
  const { client, server } = await connectChannel({ psk });
  assert.deepEqual(client.handshakeHash, server.handshakeHash);
  const frame = await client.seal(formatClientMessage(hello));
  assert.deepEqual(parseClientPlaintext(await server.open(bodyOf(frame))), hello);
  for (const size of [DATA_MAX_BYTES, 1, 1000, DATA_MAX_BYTES - 1]) {
    const frame = await server.sealData(counting(size, size));
    const read = parseServerPlaintext(await client.open(bodyOf(frame)));
    assert(read.kind === "data");
    assert.deepEqual(new Uint8Array(read.bytes), counting(size, size));
    assert.equal(frame.length, 4 + 1 + size + 16);
  }
  await assert.rejects(server.sealData(new Uint8Array(DATA_MAX_BYTES + 1)), RangeError);
  await assert.rejects(server.sealData(new Uint8Array(0)), RangeError);
});

Deno.test("both sides report another key", async () => {
  const handshake = await startClientHandshake({ psk: (await deriveKeys(otherSharedKey)).bootPsk });
  const answer = await answerClientOpening(bodyOf(handshake.opening), { psk });
  assert(answer.kind === "declined" && answer.error.code === "wrong-key");
  await assert.rejects(handshake.finish(bodyOf(answer.reply)), /A stiefelsystem answers with another key/);
});

Deno.test("the server tells the client of another version, a full house and nonsense", async () => {
  const handshake = (): ReturnType<typeof startClientHandshake> => startClientHandshake({ psk });
  const opening = bodyOf((await handshake()).opening);
  const cases = [
    [await answerClientOpening(opening.with(7, 1), { psk }), "unknown-version"],
    [await answerClientOpening(opening.with(7, 3), { psk }), "unknown-version"],
    [await answerClientOpening(opening.with(0, 0), { psk }), "malformed"],
    [await answerClientOpening(new Uint8Array(0), { psk }), "malformed"],
    [declineBusy(), "refused"],
  ] as const;
  for (const [answer, code] of cases) {
    assert(answer.kind === "declined");
    await assertRefused((await handshake()).finish(bodyOf(answer.reply)), code);
  }
});

Deno.test("both sides derive one key for the tunnel, another one in each connection and for each shared key", async () => {
  const found: string[] = [];
  for (const key of [psk, psk, counting(1, 32)]) {
    const { client, server } = await connectChannel({ psk: key });
    const ours = await client.deriveKey("tunnel");
    assert.equal(ours.length, 32);
    assert.deepEqual(await server.deriveKey("tunnel"), ours);
    assert.notDeepEqual(ours, client.handshakeHash);
    found.push(ours.toHex());
  }
  assert.equal(new Set(found).size, 3);
});

Deno.test("both name the versions, and what to do, when one of them is older", async () => {
  const words = /^The (?:client|server) speaks version 1 of the boot exchange, this program version 2: build one image/;
  const handshake = await startClientHandshake({ psk });
  const answer = await answerClientOpening(bodyOf(handshake.opening).with(7, 1), { psk });
  assert(answer.kind === "declined");
  assert.match(answer.error.message, words);
  // What a version 1 answers to a version it does not know: a preamble of its own, and the status.
  const ofOlder = new Uint8Array([...new TextEncoder().encode("STIEFEL"), 1, 2]);
  await assert.rejects(handshake.finish(ofOlder), { code: "unknown-version", message: words });
});

Deno.test("a server without the key cannot pretend to have it", async () => {
  const handshake = await startClientHandshake({ psk });
  const forged = new Uint8Array([...new TextEncoder().encode("STIEFEL"), 2, 0, ...counting(9, 48)]);
  await assertRefused(handshake.finish(forged), "wrong-key");
});

Deno.test("a connection that is played again gets no further than the handshake", async () => {
  const recorded = await connectChannel({ psk });
  const helloFrame = await recorded.client.seal(formatClientMessage(hello));
  const answer = await answerClientOpening(bodyOf(recorded.opening), { psk });
  // Anyone may repeat an opening; the first sealed frame does not fit the new handshake.
  assert(answer.kind === "accepted");
  await assertRefused(answer.channel.open(bodyOf(helloFrame)), "bad-tag");
});
