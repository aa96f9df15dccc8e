import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { counting, readFrames } from "../../tests/support/protocol_samples.ts";
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import {
  formatClientOpening,
  formatFrame,
  formatServerOpening,
  FRAME_BODY_MAX_BYTES,
  FrameReader,
  OPENING_MAX_BYTES,
  OpeningStatus,
  parseClientOpening,
  parseServerOpening,
  type ServerOpening,
} from "./frames.ts";

function assertRefused(act: () => unknown, code: ProtocolErrorCode): void {
  assert.throws(act, (error) => error instanceof ProtocolError && error.code === code);
}

Deno.test("frames come out whole, however the stream is cut", () => {
  const random = createSeededRandom(1);
  const maxBodyBytes = 5000;
  const sizes = [1, 2, 3, 4, 5, 100, 255, 256, 257, 4096, maxBodyBytes - 1, maxBodyBytes];
  for (let round = 0; round < 200; round++) {
    const bodies = Array.from({ length: 1 + random.below(5) }, () => random.bytes(random.pick(sizes)));
    const stream = new Uint8Array(bodies.flatMap((body) => [...formatFrame(body)]));
    const reader = new FrameReader(maxBodyBytes);
    const found: Uint8Array[] = [];
    for (let offset = 0; offset < stream.length;) {
      const piece = stream.subarray(offset, offset + 1 + random.below(random.pick([1, 2, 3, 1000, 20_000])));
      for (const body of readFrames(reader, piece)) found.push(new Uint8Array(body));
      offset += piece.length;
    }
    reader.finish();
    assert.deepEqual(found.map((body) => body.toHex()), bodies.map((body) => body.toHex()));
  }
});

Deno.test("an empty frame, one beyond the bound, and an end within one are refused", () => {
  assertRefused(() => [...readFrames(new FrameReader(100), new Uint8Array(4))], "malformed");
  const reader = new FrameReader(100);
  assert.equal([...readFrames(reader, formatFrame(counting(0, 100)))].length, 1);
  assertRefused(() => [...readFrames(reader, new Uint8Array([0, 0, 0, 101]))], "oversize");
  assertRefused(() => [...readFrames(new FrameReader(100), new Uint8Array(4).fill(0xff))], "oversize");
  for (const bytes of [[0], [0, 0, 0, 5], [0, 0, 0, 5, 1, 2, 3, 4]]) {
    const cut = new FrameReader(100);
    assert.equal([...readFrames(cut, new Uint8Array(bytes))].length, 0);
    assertRefused(() => cut.finish(), "truncated");
  }
});

Deno.test("larger frames are taken from a moment on, what has come of the next one included", () => {
  const next = formatFrame(counting(7, 300));
  const reader = new FrameReader(100);
  // as much of the next frame as there is room for comes with the first
  const bodies = readFrames(reader, new Uint8Array([...formatFrame(counting(0, 50)), ...next.subarray(0, 20)]));
  assert.deepEqual(bodies.next().value, counting(0, 50));
  reader.expectUpTo(300);
  assert.equal(bodies.next().done, true);
  assert.deepEqual([...readFrames(reader, next.subarray(20))], [counting(7, 300)]);
  reader.finish();
});

Deno.test("no frame is made that a reader would refuse", () => {
  assert.throws(() => formatFrame(new Uint8Array(0)), RangeError);
  assert.throws(() => formatFrame(new Uint8Array(FRAME_BODY_MAX_BYTES + 1)), RangeError);
  assert.equal(formatFrame(new Uint8Array(FRAME_BODY_MAX_BYTES)).length, 4 + FRAME_BODY_MAX_BYTES);
});

Deno.test("openings survive a round trip", () => {
  const handshakeMessage = counting(1, 48);
  assert.deepEqual(parseClientOpening(formatClientOpening(handshakeMessage)), handshakeMessage);
  const openings: readonly ServerOpening[] = [
    { status: OpeningStatus.ok, handshakeMessage },
    { status: OpeningStatus.wrongKey },
    { status: OpeningStatus.unknownVersion },
    { status: OpeningStatus.busy },
    { status: OpeningStatus.malformed },
  ];
  for (const opening of openings) assert.deepEqual(parseServerOpening(formatServerOpening(opening)), opening);
  assert.equal(formatServerOpening({ status: OpeningStatus.ok, handshakeMessage }).length, OPENING_MAX_BYTES);
});

Deno.test("openings in any other form are refused", () => {
  const client = formatClientOpening(counting(1, 48));
  assertRefused(() => parseClientOpening(client.with(0, 0x73)), "malformed");
  for (const version of [1, 3]) {
    assertRefused(() => parseClientOpening(client.with(7, version)), "unknown-version");
    assertRefused(() => parseClientOpening(client.with(7, version).subarray(0, 8)), "unknown-version");
  }
  assertRefused(() => parseClientOpening(client.subarray(0, 7)), "truncated");
  assertRefused(() => parseClientOpening(client.subarray(0, 55)), "truncated");
  assertRefused(() => parseClientOpening(new Uint8Array([...client, 0])), "oversize");
  const server = formatServerOpening({ status: OpeningStatus.busy });
  assertRefused(() => parseServerOpening(server.with(8, 9)), "malformed");
  assertRefused(() => parseServerOpening(server.with(8, 0)), "truncated");
  assertRefused(() => parseServerOpening(server.subarray(0, 8)), "truncated");
  assertRefused(() => parseServerOpening(new Uint8Array([...server, 0])), "oversize");
  assertRefused(() => parseServerOpening(new TextEncoder().encode("HTTP/1.1 400 Bad Request")), "malformed");
});
