/**
 * What goes over the TCP stream of the boot exchange: frames of a two-byte length and a body. Each side's first frame is its opening
 * (readable by anyone, with a Noise handshake message in it); all others are encrypted.
 */
import { ProtocolError } from "../errors.ts";
import { HANDSHAKE_MESSAGE_BYTES, NOISE_MESSAGE_MAX_BYTES, TAG_BYTES } from "./noise.ts";
import { encodeUtf8 } from "./text.ts";

/** Bytes of the length before each body, big-endian. */
export const FRAME_HEADER_BYTES = 2;
/** The most a body may have; a length of two bytes cannot say more. */
export const FRAME_BODY_MAX_BYTES = NOISE_MESSAGE_MAX_BYTES;
/** The most of the archive that fits into one frame: what remains beside the tag and the type byte. */
export const DATA_MAX_BYTES = FRAME_BODY_MAX_BYTES - TAG_BYTES - 1;

/** Fills in the length at the start of a frame whose body is in place. */
export function writeFrameHeader(frame: Uint8Array): void {
  const bodyBytes = frame.length - FRAME_HEADER_BYTES;
  if (bodyBytes < 1 || bodyBytes > FRAME_BODY_MAX_BYTES) throw new RangeError(`A frame cannot have ${bodyBytes} bytes`);
  frame[0] = bodyBytes >>> 8;
  frame[1] = bodyBytes & 0xff;
}

/** A frame with this body. */
export function formatFrame(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  writeFrameHeader(frame);
  return frame;
}

/** Cuts a stream into the bodies of its frames. Holds at most one frame. */
export class FrameReader {
  /** The frame that has begun, header included. */
  readonly #partial = new Uint8Array(FRAME_HEADER_BYTES + FRAME_BODY_MAX_BYTES);
  #partialBytes = 0;
  #maxBodyBytes: number;

  /** @param options.maxBodyBytes bound on what is accepted; small before the peer has shown that it knows the key */
  constructor(options: { readonly maxBodyBytes?: number } = {}) {
    this.#maxBodyBytes = options.maxBodyBytes ?? FRAME_BODY_MAX_BYTES;
  }

  /**
   * Takes the next bytes of the stream; exhaust the generator before the next call. The bodies are views of `bytes` or of a buffer of the reader: use each before asking for the
   * next one and before reading anything else into the same buffer.
   * @throws ProtocolError malformed for an empty frame, oversize for one beyond the bound
   */
  *push(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#partialBytes === 0 && rest.length >= FRAME_HEADER_BYTES) {
        const end = FRAME_HEADER_BYTES + this.#bodyBytes(rest);
        if (rest.length >= end) {
          yield rest.subarray(FRAME_HEADER_BYTES, end);
          rest = rest.subarray(end);
          continue;
        }
      }
      rest = rest.subarray(this.#keep(rest));
      const end = this.#partialEnd();
      if (end !== undefined && this.#partialBytes === end) {
        this.#partialBytes = 0;
        yield this.#partial.subarray(FRAME_HEADER_BYTES, end);
      }
    }
  }

  /** The peer has shown that it knows the key: frames of any size from here on. */
  liftBound(): void {
    this.#maxBodyBytes = FRAME_BODY_MAX_BYTES;
  }

  /**
   * To be called at the end of the stream.
   * @throws ProtocolError truncated when it ended within a frame
   */
  finish(): void {
    if (this.#partialBytes > 0) throw new ProtocolError("truncated", "The connection ended in the middle of a message");
  }

  /** Copies as much of the bytes as belongs to the frame that has begun; returns how many. */
  #keep(bytes: Uint8Array): number {
    const wanted = (this.#partialEnd() ?? FRAME_HEADER_BYTES) - this.#partialBytes;
    const kept = bytes.subarray(0, wanted);
    this.#partial.set(kept, this.#partialBytes);
    this.#partialBytes += kept.length;
    return kept.length;
  }

  /** Where the begun frame ends, once its header is whole. */
  #partialEnd(): number | undefined {
    if (this.#partialBytes < FRAME_HEADER_BYTES) return undefined;
    return FRAME_HEADER_BYTES + this.#bodyBytes(this.#partial);
  }

  #bodyBytes(frame: Uint8Array): number {
    const bodyBytes = ((frame[0] ?? 0) << 8) | (frame[1] ?? 0);
    if (bodyBytes === 0) throw new ProtocolError("malformed", "The peer sent an empty frame");
    if (bodyBytes > this.#maxBodyBytes) {
      throw new ProtocolError("oversize", "The peer sent a frame that is too long here");
    }
    return bodyBytes;
  }
}

/** First bytes of both openings: what tells this protocol from others. */
const MAGIC = encodeUtf8("STIEFEL");
export const STREAM_VERSION = 1;
const PREAMBLE_BYTES = MAGIC.length + 1;
export const CLIENT_OPENING_BYTES = PREAMBLE_BYTES + HANDSHAKE_MESSAGE_BYTES;
/** The longer one of the server's openings; nothing longer is read before the handshake is done. */
export const OPENING_MAX_BYTES = CLIENT_OPENING_BYTES + 1;

/**
 * What a server says before anything is encrypted. Not authenticated: good for a message to a person, never for a decision other than
 * to give up this connection.
 */
export const OpeningStatus = { ok: 0, wrongKey: 1, unknownVersion: 2, busy: 3, malformed: 4 } as const;
export type OpeningStatus = typeof OpeningStatus[keyof typeof OpeningStatus];

/** The 8 bytes that both openings start with; also the prologue of the handshake, so that both sides mean the same version. */
export function streamPreamble(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...MAGIC, STREAM_VERSION]);
}

/** The body of the client's first frame. */
export function formatClientOpening(handshakeMessage: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...streamPreamble(), ...handshakeMessage]);
}

/**
 * Reads the body of the client's first frame.
 * @returns the handshake message
 * @throws ProtocolError malformed, unknown-version, truncated or oversize
 */
export function parseClientOpening(body: Uint8Array): Uint8Array {
  checkPreamble(body, "The client");
  checkSize(body, CLIENT_OPENING_BYTES, "The client's opening");
  return new Uint8Array(body.subarray(PREAMBLE_BYTES));
}

export type ServerOpening =
  | { readonly status: typeof OpeningStatus.ok; readonly handshakeMessage: Uint8Array }
  | { readonly status: Exclude<OpeningStatus, typeof OpeningStatus.ok> };

/** The body of the server's first frame. */
export function formatServerOpening(opening: ServerOpening): Uint8Array<ArrayBuffer> {
  const handshakeMessage = opening.status === OpeningStatus.ok ? opening.handshakeMessage : [];
  return new Uint8Array([...streamPreamble(), opening.status, ...handshakeMessage]);
}

/**
 * Reads the body of the server's first frame.
 * @throws ProtocolError malformed, unknown-version, truncated or oversize
 */
export function parseServerOpening(body: Uint8Array): ServerOpening {
  checkPreamble(body, "The server");
  const status = body[PREAMBLE_BYTES];
  if (status === undefined) throw new ProtocolError("truncated", "The server's opening is too short");
  if (status === OpeningStatus.ok) {
    checkSize(body, PREAMBLE_BYTES + 1 + HANDSHAKE_MESSAGE_BYTES, "The server's opening");
    return { status, handshakeMessage: new Uint8Array(body.subarray(PREAMBLE_BYTES + 1)) };
  }
  const known = Object.values(OpeningStatus).find((value) => value === status);
  if (known === undefined || known === OpeningStatus.ok) {
    throw new ProtocolError("malformed", "The server's opening has an unknown status");
  }
  checkSize(body, PREAMBLE_BYTES + 1, "The server's opening");
  return { status: known };
}

function checkPreamble(body: Uint8Array, who: string): void {
  const isOurs = MAGIC.every((byte, index) => (body[index] ?? byte) === byte);
  if (!isOurs) throw new ProtocolError("malformed", `${who} does not speak this protocol`);
  const version = body[MAGIC.length];
  if (version === undefined) throw new ProtocolError("truncated", `${who}'s opening is too short`);
  if (version !== STREAM_VERSION) {
    throw new ProtocolError(
      "unknown-version",
      `${who} speaks version ${version} of the boot exchange, wanted ${STREAM_VERSION}`,
    );
  }
}

function checkSize(body: Uint8Array, wanted: number, what: string): void {
  if (body.length < wanted) throw new ProtocolError("truncated", `${what} is too short`);
  if (body.length > wanted) throw new ProtocolError("oversize", `${what} is too long`);
}
