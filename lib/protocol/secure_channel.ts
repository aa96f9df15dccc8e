/**
 * The boot exchange's channel: opening frames, handshake, then sealed frames. Bytes in, bytes out; the owner
 * of the connection moves them.
 *
 *     client: startClientHandshake -> send `opening` -> finish(body of the first frame) -> SecureChannel
 *     server: answerClientOpening(body of the first frame) -> send `reply` -> `channel`, if there is one
 */
import { ProtocolError, type ProtocolErrorCode } from "../errors.ts";
import { encodeUtf8 } from "../formats/text.ts";
import { BOOT_EXCHANGE_VERSION, PlaintextType } from "./boot_exchange.ts";
import {
  DATA_MAX_BYTES,
  formatClientOpening,
  formatFrame,
  formatServerOpening,
  FRAME_BODY_MAX_BYTES,
  FRAME_HEADER_BYTES,
  OpeningStatus,
  parseClientOpening,
  parseServerOpening,
  streamPreamble,
  writeFrame,
} from "./frames.ts";
import { type CipherState, createInitiator, createResponder, type Transport } from "./noise.ts";
import { giveBack, hkdfSha256, keepLargeBlocks, KEY_BYTES } from "./primitives.ts";
import { sameDateAdvice } from "./unknown_groups.ts";

/**
 * The sealed part of a connection. Frames must be opened in the order they came in; one that does not fit ends it. In
 * each direction one call after the other: to seal, or to open, before the last one has ended is a programmer's error.
 */
export class SecureChannel {
  readonly #send: CipherState;
  readonly #receive: CipherState;
  /** The same on both sides and different in every connection; not secret. */
  readonly handshakeHash: Uint8Array;
  readonly #secret: Uint8Array;
  /** Plaintext and frame of a piece; clearing memory for each of them would take as long as a tenth of the sealing. */
  #data: { readonly plaintext: Uint8Array<ArrayBuffer>; readonly frame: Uint8Array<ArrayBuffer> } | undefined;

  constructor(transport: Transport) {
    this.#send = transport.send;
    this.#receive = transport.receive;
    this.handshakeHash = transport.handshakeHash;
    this.#secret = transport.secret;
    keepLargeBlocks();
  }

  /**
   * A key of this connection for something beside it: the same on both sides, and forgotten with the connection.
   * @returns 32 bytes
   */
  async deriveKey(purpose: "tunnel"): Promise<Uint8Array<ArrayBuffer>> {
    const info = encodeUtf8(`stiefelsystem ${BOOT_EXCHANGE_VERSION} ${purpose}`);
    return await hkdfSha256(this.#secret, { salt: this.handshakeHash, info, sizeBytes: KEY_BYTES });
  }

  /** The frame of a plaintext made by `formatClientMessage` or `formatServerMessage`. */
  async seal(plaintext: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return formatFrame(await this.#send.encrypt(plaintext));
  }

  /**
   * The frame of a piece of the archive, 1 to DATA_MAX_BYTES long: a view that is good until the next piece is sealed.
   */
  async sealData(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (bytes.length < 1 || bytes.length > DATA_MAX_BYTES) {
      throw new RangeError(`A piece cannot have ${bytes.length} bytes`);
    }
    const { plaintext, frame } = this.#data ??= {
      plaintext: new Uint8Array(1 + DATA_MAX_BYTES).with(0, PlaintextType.data),
      frame: new Uint8Array(FRAME_HEADER_BYTES + FRAME_BODY_MAX_BYTES),
    };
    plaintext.set(bytes, 1);
    const body = await this.#send.encrypt(plaintext.subarray(0, 1 + bytes.length));
    const whole = writeFrame(frame.subarray(0, FRAME_HEADER_BYTES + body.length), body);
    giveBack(body);
    return whole;
  }

  /**
   * The plaintext of a frame's body, in memory of its own; who needs it no more should `giveBack` a large one.
   * @throws ProtocolError truncated or bad-tag (changed, repeated, left out or out of order)
   */
  async open(body: Uint8Array): Promise<Uint8Array> {
    return await this.#receive.decrypt(body);
  }
}

export interface ChannelOptions {
  /** `deriveKeys(sharedKey).bootPsk` */
  readonly psk: Uint8Array;
  /** Private key of this connection: only for test vectors. */
  readonly ephemeral?: Uint8Array;
}

export interface ClientHandshake {
  /** The frame to send first. */
  readonly opening: Uint8Array<ArrayBuffer>;
  /**
   * Takes the body of the server's first frame. Once only.
   * @throws ProtocolError wrong-key, unknown-version, refused (the server is busy), malformed, truncated or oversize
   */
  readonly finish: (body: Uint8Array) => Promise<SecureChannel>;
}

/** Begins a connection as the client. */
export async function startClientHandshake(options: ChannelOptions): Promise<ClientHandshake> {
  const handshake = await createInitiator({ ...options, prologue: streamPreamble() });
  const opening = formatFrame(formatClientOpening(await handshake.writeMessage()));
  const finish = async (body: Uint8Array): Promise<SecureChannel> => {
    const answer = parseServerOpening(body);
    if (answer.status !== OpeningStatus.ok) throw statusError(answer.status);
    await handshake.readMessage(answer.handshakeMessage);
    return new SecureChannel(await handshake.split());
  };
  return { opening, finish };
}

function statusError(status: Exclude<OpeningStatus, typeof OpeningStatus.ok>): ProtocolError {
  switch (status) {
    case OpeningStatus.wrongKey:
      return new ProtocolError("wrong-key", "A stiefelsystem answers with another key");
    case OpeningStatus.unknownVersion:
      return new ProtocolError(
        "unknown-version",
        `The server does not speak version ${BOOT_EXCHANGE_VERSION} of the boot exchange: ${sameDateAdvice}`,
      );
    case OpeningStatus.busy:
      return new ProtocolError("refused", "The server is busy with other connections");
    case OpeningStatus.malformed:
      return new ProtocolError("malformed", "The server did not understand our opening");
  }
}

export type OpeningAnswer =
  | { readonly kind: "accepted"; readonly reply: Uint8Array<ArrayBuffer>; readonly channel: SecureChannel }
  /** Send the reply, close the connection; `error` is for the log and the console. */
  | { readonly kind: "declined"; readonly reply: Uint8Array<ArrayBuffer>; readonly error: ProtocolError };

/**
 * Answers the body of a client's first frame as the server. Never throws for what a peer sent.
 *
 * "accepted" says that a machine once made this opening with our key; that it is not a repeated one shows only when the
 * first sealed frame opens. Until then nothing may happen.
 */
export async function answerClientOpening(body: Uint8Array, options: ChannelOptions): Promise<OpeningAnswer> {
  try {
    // First what costs nothing.
    const message = parseClientOpening(body);
    const handshake = await createResponder({ ...options, prologue: streamPreamble() });
    await handshake.readMessage(message);
    const handshakeMessage = await handshake.writeMessage();
    const reply = formatServerOpening({ status: OpeningStatus.ok, handshakeMessage });
    return { kind: "accepted", reply: formatFrame(reply), channel: new SecureChannel(await handshake.split()) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return declineClient(statusOf(error.code), error);
  }
}

/** The answer to a client that cannot be served now, before its opening is even looked at. */
export function declineBusy(): OpeningAnswer {
  return declineClient(OpeningStatus.busy, new ProtocolError("refused", "Too many connections at a time"));
}

function declineClient(status: Exclude<OpeningStatus, typeof OpeningStatus.ok>, error: ProtocolError): OpeningAnswer {
  return { kind: "declined", reply: formatFrame(formatServerOpening({ status })), error };
}

function statusOf(code: ProtocolErrorCode): Exclude<OpeningStatus, typeof OpeningStatus.ok> {
  if (code === "wrong-key") return OpeningStatus.wrongKey;
  return code === "unknown-version" ? OpeningStatus.unknownVersion : OpeningStatus.malformed;
}
