/**
 * What a desktop without a key and a laptop say to each other (doc/protocol.md, "Pairing"): the bodies of four frames.
 * Bytes in, bytes out; the owner of the connection moves them.
 */
import { ProtocolError } from "../errors.ts";
import { concatenate } from "../formats/bytes.ts";
import { decodeUtf8, encodeUtf8, isPrintable } from "../formats/text.ts";
import { NAME_MAX_BYTES } from "./boot_exchange.ts";
import { SHARED_KEY_BYTES } from "./keys.ts";
import { createInitiator, createResponder, HANDSHAKE_MESSAGE_BYTES } from "./noise.ts";

/** TCP port of the laptop. */
export const PAIRING_PORT = 4646;
const version = 1;
/** What every frame but the handshake's messages begins with: another word than that of the boot exchange. */
const preamble = concatenate([encodeUtf8("STFPAIR"), new Uint8Array([version])]);
export const SALT_BYTES = 16;
const greetingBytes = preamble.length + 1 + SALT_BYTES + 1 + 1 + NAME_MAX_BYTES;
const answerBytes = 1 + HANDSHAKE_MESSAGE_BYTES + SHARED_KEY_BYTES;
/** No frame is longer. */
export const PAIRING_FRAME_MAX_BYTES = greetingBytes;

/** Not authenticated: good for a message to a person. */
export const PairingStatus = { ok: 0, wrongCode: 1, over: 2, unknownVersion: 3, malformed: 4 } as const;
export type PairingStatus = typeof PairingStatus[keyof typeof PairingStatus];

/** The body of the desktop's first frame: it asks for a code to be shown. */
export function formatPairingOpening(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(preamble);
}

/** @throws ProtocolError malformed, unknown-version, truncated or oversize */
export function parsePairingOpening(body: Uint8Array): void {
  checkPreamble(body, "The desktop");
  checkSize(body, preamble.length, "The desktop's opening");
}

/** What the laptop says before anything is proven. */
export type PairingGreeting =
  | {
    readonly status: typeof PairingStatus.ok;
    readonly salt: Uint8Array;
    readonly triesLeft: number;
    readonly name: string;
  }
  | { readonly status: Exclude<PairingStatus, 0 | 1> };

/** The body of the laptop's first frame: 91 bytes, or 9 where it takes no code. */
export function formatPairingGreeting(greeting: PairingGreeting): Uint8Array<ArrayBuffer> {
  const head = concatenate([preamble, new Uint8Array([greeting.status])]);
  if (greeting.status !== PairingStatus.ok) return head;
  const name = encodeUtf8(greeting.name);
  if (name.length > NAME_MAX_BYTES) throw new RangeError(`A name has at most ${NAME_MAX_BYTES} bytes`);
  const rest = new Uint8Array(NAME_MAX_BYTES - name.length);
  return concatenate([head, greeting.salt, new Uint8Array([greeting.triesLeft, name.length]), name, rest]);
}

/** @throws ProtocolError malformed, unknown-version, truncated or oversize */
export function parsePairingGreeting(body: Uint8Array): PairingGreeting {
  checkPreamble(body, "The laptop");
  const status = body[preamble.length];
  if (status === undefined) throw new ProtocolError("truncated", "The laptop's greeting is too short");
  if (status !== PairingStatus.ok) {
    const { over, unknownVersion, malformed } = PairingStatus;
    const refusal = [over, unknownVersion, malformed].find((value) => value === status);
    if (refusal === undefined) throw new ProtocolError("malformed", "The laptop's greeting has an unknown status");
    checkSize(body, preamble.length + 1, "The laptop's greeting");
    return { status: refusal };
  }
  checkSize(body, greetingBytes, "The laptop's greeting");
  const saltStart = preamble.length + 1;
  const nameStart = saltStart + SALT_BYTES + 2;
  const [triesLeft = 0, nameBytes = 0] = body.subarray(saltStart + SALT_BYTES, nameStart);
  const rest = body.subarray(nameStart + nameBytes);
  if (nameBytes > NAME_MAX_BYTES || triesLeft === 0 || rest.some((byte) => byte !== 0)) {
    throw new ProtocolError("malformed", "The laptop's greeting is not in the one form");
  }
  const name = decodeUtf8(body.subarray(nameStart, nameStart + nameBytes), "The laptop's name");
  if (!isPrintable(name)) throw new ProtocolError("malformed", "The laptop's name is not printable");
  return { status, salt: new Uint8Array(body.subarray(saltStart, saltStart + SALT_BYTES)), triesLeft, name };
}

interface HandshakeParts {
  /** The stretched code. */
  readonly psk: Uint8Array;
  readonly salt: Uint8Array;
  /** Private key of this handshake: only for test vectors. */
  readonly ephemeral?: Uint8Array;
}

export interface PairingHandshake {
  /** The body of the desktop's second frame. */
  readonly message: Uint8Array;
  /**
   * Takes the body of the laptop's second frame.
   * @returns the shared key
   * @throws ProtocolError wrong-key (another code), refused (no code is taken any more), malformed, truncated, oversize
   */
  readonly finish: (body: Uint8Array) => Promise<Uint8Array>;
}

/** The desktop's side, once the code was typed. */
export async function startPairing(parts: HandshakeParts): Promise<PairingHandshake> {
  const handshake = await createInitiator({ ...parts, prologue: prologueOf(parts.salt) });
  const message = await handshake.writeMessage();
  const finish = async (body: Uint8Array): Promise<Uint8Array> => {
    const status = body[0];
    if (status === PairingStatus.wrongCode) throw new ProtocolError("wrong-key", "The laptop shows another code");
    if (status === PairingStatus.over) throw new ProtocolError("refused", "The laptop takes no code any more");
    if (status !== PairingStatus.ok) throw new ProtocolError("malformed", "The laptop's answer has an unknown status");
    checkSize(body, answerBytes, "The laptop's answer");
    return await handshake.readMessage(body.subarray(1));
  };
  return { message, finish };
}

/**
 * The laptop's side.
 * @param message the body of the desktop's second frame
 * @returns the body of the laptop's second frame
 * @throws ProtocolError wrong-key for another code; truncated, oversize, malformed for what is no try
 */
export async function answerPairing(
  message: Uint8Array,
  { sharedKey, ...parts }: HandshakeParts & { readonly sharedKey: Uint8Array },
): Promise<Uint8Array<ArrayBuffer>> {
  const handshake = await createResponder({ ...parts, prologue: prologueOf(parts.salt) });
  await handshake.readMessage(message);
  return concatenate([new Uint8Array([PairingStatus.ok]), await handshake.writeMessage(sharedKey)]);
}

/** Whether it can be a try. @throws ProtocolError truncated or oversize */
export function checkPairingMessage(message: Uint8Array): void {
  checkSize(message, HANDSHAKE_MESSAGE_BYTES, "The desktop's message");
}

/** The body of the laptop's second frame, for a try that does not fit, or comes too late. */
export function formatPairingRefusal(status: typeof PairingStatus.wrongCode | typeof PairingStatus.over): Uint8Array {
  return new Uint8Array([status]);
}

/** Both sides mean this version, and this salt. */
function prologueOf(salt: Uint8Array): Uint8Array {
  return concatenate([preamble, salt]);
}

function checkPreamble(body: Uint8Array, who: string): void {
  const magic = preamble.subarray(0, -1);
  if (!magic.every((byte, index) => (body[index] ?? byte) === byte)) {
    throw new ProtocolError("malformed", `${who} does not speak this protocol`);
  }
  const spoken = body[magic.length];
  if (spoken === undefined) throw new ProtocolError("truncated", `${who}'s first message is too short`);
  if (spoken !== version) throw new ProtocolError("unknown-version", `${who} speaks version ${spoken} of the pairing`);
}

function checkSize(body: Uint8Array, wanted: number, what: string): void {
  if (body.length < wanted) throw new ProtocolError("truncated", `${what} is too short`);
  if (body.length > wanted) throw new ProtocolError("oversize", `${what} is too long`);
}
