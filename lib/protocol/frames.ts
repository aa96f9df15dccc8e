/**
 * What goes over the TCP stream of the boot exchange: frames of a four-byte length and a body. Each side's first frame
 * is its opening (readable by anyone, with a Noise handshake message in it); all others are encrypted.
 */
import { ProtocolError } from "../errors.ts";
import { BOOT_EXCHANGE_VERSION, CONTROL_MAX_BYTES } from "./boot_exchange.ts";
import { sameDateAdvice } from "./unknown_groups.ts";
import { HANDSHAKE_MESSAGE_BYTES } from "./noise.ts";
import { TAG_BYTES } from "./primitives.ts";
import { encodeUtf8 } from "../formats/text.ts";

/** Bytes of the length before each body, big-endian. */
export const FRAME_HEADER_BYTES = 4;
/** The most of the archive that goes into one frame: larger ones are no faster, and both sides hold a few of them. */
export const DATA_MAX_BYTES = 512 * 1024;
/** Beside the plaintext's type byte, a sealed body has its tag. */
const SEALED_EXTRA_BYTES = 1 + TAG_BYTES;
/** The most a body may have: what a client must expect. */
export const FRAME_BODY_MAX_BYTES = DATA_MAX_BYTES + SEALED_EXTRA_BYTES;
/** The most a message's body may have: what a server must expect, to which no archive is sent. */
export const MESSAGE_BODY_MAX_BYTES = CONTROL_MAX_BYTES + SEALED_EXTRA_BYTES;

/** Makes a frame with this body in memory of just its length, and returns it. */
export function writeFrame(frame: Uint8Array<ArrayBuffer>, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bodyBytes = body.length;
  if (bodyBytes < 1 || bodyBytes > FRAME_BODY_MAX_BYTES) throw new RangeError(`A frame cannot have ${bodyBytes} bytes`);
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, bodyBytes);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

/** A frame with this body. */
export function formatFrame(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return writeFrame(new Uint8Array(FRAME_HEADER_BYTES + body.length), body);
}

/**
 * Cuts a stream into the bodies of its frames. The reader of the stream puts what comes next into `space` and says how
 * much it was; then all whole frames are taken out with `next`. Holds room for one frame of the largest size.
 */
export class FrameReader {
  #buffer: Uint8Array<ArrayBuffer>;
  /** What was put in and not yet taken out. */
  #start = 0;
  #end = 0;

  /** @param maxBodyBytes bound on what is accepted; small before the peer has shown that it knows the key */
  constructor(maxBodyBytes: number) {
    this.#buffer = new Uint8Array(FRAME_HEADER_BYTES + maxBodyBytes);
  }

  /** Where the next bytes of the stream belong: at least one byte, once `next` has found no frame any more. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** So many bytes were put into `space`. */
  added(bytes: number): void {
    this.#end += bytes;
  }

  /**
   * The body of the next frame, if it is whole: a view that is good until something else is called with this reader.
   * @throws ProtocolError malformed for an empty frame, oversize for one beyond the bound
   */
  next(): Uint8Array<ArrayBuffer> | undefined {
    const bodyStart = this.#start + FRAME_HEADER_BYTES;
    if (this.#end < bodyStart) return undefined;
    const bodyEnd = bodyStart + this.#bodyBytes();
    if (this.#end < bodyEnd) return undefined;
    this.#start = bodyEnd;
    return this.#buffer.subarray(bodyStart, bodyEnd);
  }

  /** The peer has shown that it knows the key: frames of up to this size from here on. */
  expectUpTo(maxBodyBytes: number): void {
    const buffer = new Uint8Array(FRAME_HEADER_BYTES + maxBodyBytes);
    const rest = this.#buffer.subarray(this.#start, this.#end);
    buffer.set(rest);
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = rest.length;
  }

  /**
   * To be called at the end of the stream.
   * @throws ProtocolError truncated when it ended within a frame
   */
  finish(): void {
    if (this.#end > this.#start) {
      throw new ProtocolError("truncated", "The connection ended in the middle of a message");
    }
  }

  /** The length in the header, which is whole. */
  #bodyBytes(): number {
    const bodyBytes = new DataView(this.#buffer.buffer, this.#start).getUint32(0);
    if (bodyBytes === 0) throw new ProtocolError("malformed", "The peer sent an empty frame");
    if (bodyBytes > this.#buffer.length - FRAME_HEADER_BYTES) {
      throw new ProtocolError("oversize", "The peer sent a frame that is too long here");
    }
    return bodyBytes;
  }
}

/** First bytes of both openings: what tells this protocol from others. */
const MAGIC = encodeUtf8("STIEFEL");
const PREAMBLE_BYTES = MAGIC.length + 1;
export const CLIENT_OPENING_BYTES = PREAMBLE_BYTES + HANDSHAKE_MESSAGE_BYTES;
/** The longer one of the server's openings; nothing longer is read before the handshake is done. */
export const OPENING_MAX_BYTES = CLIENT_OPENING_BYTES + 1;

/**
 * What a server says before anything is encrypted. Not authenticated: good for a message to a person, never for a
 * decision other than to give up this connection.
 */
export const OpeningStatus = { ok: 0, wrongKey: 1, unknownVersion: 2, busy: 3, malformed: 4 } as const;
export type OpeningStatus = typeof OpeningStatus[keyof typeof OpeningStatus];

/**
 * The 8 bytes that both openings start with; also the prologue of the handshake, so that both sides mean the same
 * version.
 */
export function streamPreamble(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...MAGIC, BOOT_EXCHANGE_VERSION]);
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
  const refusal = Object.values(OpeningStatus).find((value) => value === status);
  if (refusal === undefined || refusal === OpeningStatus.ok) {
    throw new ProtocolError("malformed", "The server's opening has an unknown status");
  }
  checkSize(body, PREAMBLE_BYTES + 1, "The server's opening");
  return { status: refusal };
}

function checkPreamble(body: Uint8Array, who: string): void {
  const isOurs = MAGIC.every((byte, index) => (body[index] ?? byte) === byte);
  if (!isOurs) throw new ProtocolError("malformed", `${who} does not speak this protocol`);
  const version = body[MAGIC.length];
  if (version === undefined) throw new ProtocolError("truncated", `${who}'s opening is too short`);
  if (version !== BOOT_EXCHANGE_VERSION) {
    throw new ProtocolError(
      "unknown-version",
      `${who} speaks version ${version} of the boot exchange, this program version ${BOOT_EXCHANGE_VERSION}: ${sameDateAdvice}`,
    );
  }
}

function checkSize(body: Uint8Array, wanted: number, what: string): void {
  if (body.length < wanted) throw new ProtocolError("truncated", `${what} is too short`);
  if (body.length > wanted) throw new ProtocolError("oversize", `${what} is too long`);
}
