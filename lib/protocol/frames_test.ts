import assert from "node:assert/strict";
import { createSeededRandom } from "../../tests/support/seeded_random.ts";
import { counting } from "../../tests/support/protocol_samples.ts";
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
  const sizes = [1, 2, 3, 100, 255, 256, 257, 4096, FRAME_BODY_MAX_BYTES - 1, FRAME_BODY_MAX_BYTES];
  for (let round = 0; round < 200; round++) {
    const bodies = Array.from({ length: 1 + random.below(5) }, () => random.bytes(random.pick(sizes)));
    const stream = new Uint8Array(bodies.flatMap((body) => [...formatFrame(body)]));
    const reader = new FrameReader();
    const found: Uint8Array[] = [];
    // One buffer for all reads, as a connection does it.
    const buffer = new Uint8Array(70_000);
    for (let offset = 0; offset < stream.length;) {
      const piece = stream.subarray(offset, offset + 1 + random.below(random.pick([1, 2, 3, 1000, 70_000])));
      buffer.set(piece);
      for (const body of reader.push(buffer.subarray(0, piece.length))) found.push(new Uint8Array(body));
      offset += piece.length;
    }
    reader.finish();
    assert.deepEqual(found.map((body) => body.toHex()), bodies.map((body) => body.toHex()));
  }
});

Deno.test("an empty frame, one beyond the bound, and an end within one are refused", () => {
  assertRefused(() => [...new FrameReader().push(new Uint8Array([0, 0]))], "malformed");
  const reader = new FrameReader({ maxBodyBytes: 100 });
  assert.equal([...reader.push(formatFrame(counting(0, 100)))].length, 1);
  assertRefused(() => [...reader.push(new Uint8Array([0, 101]))], "oversize");
  for (const bytes of [[0], [0, 5], [0, 5, 1, 2, 3, 4]]) {
    const cut = new FrameReader();
    assert.equal([...cut.push(new Uint8Array(bytes))].length, 0);
    assertRefused(() => cut.finish(), "truncated");
  }
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
  assertRefused(() => parseClientOpening(client.with(7, 2)), "unknown-version");
  assertRefused(() => parseClientOpening(client.with(7, 2).subarray(0, 8)), "unknown-version");
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
