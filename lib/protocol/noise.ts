/**
 * Noise_NNpsk0_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision 34) on the primitives of the runtime. Names follow the
 * specification; sections are quoted as "Noise 5.2". Everything is synchronous, because the bulk data goes through it.
 */
import type { KeyObject } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import { builtinModules } from "../builtin_modules.ts";
import { encodeUtf8 } from "./text.ts";

export const NOISE_PROTOCOL_NAME = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
/** Noise 3: no Noise message is longer. */
export const NOISE_MESSAGE_MAX_BYTES = 65535;
/** Length of a Poly1305 tag. */
export const TAG_BYTES = 16;
const KEY_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
/** Length of both handshake messages with an empty payload: an ephemeral public key and a tag. */
export const HANDSHAKE_MESSAGE_BYTES = PUBLIC_KEY_BYTES + TAG_BYTES;
const NOTHING = new Uint8Array(0);

/** The fixed start of an X25519 private key as PKCS #8, and of a public one as SubjectPublicKeyInfo (RFC 8410 section 7 and 4). */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b656e032100");

export interface EncryptOptions {
  readonly associatedData?: Uint8Array;
  /** Bytes left free before the ciphertext, for a header. Default 0. */
  readonly headroomBytes?: number;
  /** Where headroom, ciphertext and tag are put, if it is long enough for them. Default: memory of their own. */
  readonly into?: Uint8Array<ArrayBuffer>;
}

/** A key and a counter (Noise 5.1). A tag that does not fit ends its use: nothing can be decrypted after a failure. */
export class CipherState {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  #counter = 0;
  #isBroken = false;

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`A cipher key has ${KEY_BYTES} bytes`);
    this.#key = key;
  }

  /** @returns ciphertext and tag: 16 bytes more than the plaintext */
  encrypt(plaintext: Uint8Array, options: EncryptOptions = {}): Uint8Array<ArrayBuffer> {
    return this.encryptParts([plaintext], options);
  }

  /** Like `encrypt`, with a plaintext in several parts: saves copying them together. */
  encryptParts(parts: readonly Uint8Array[], options: EncryptOptions = {}): Uint8Array<ArrayBuffer> {
    const headroomBytes = options.headroomBytes ?? 0;
    const plaintextBytes = parts.reduce((sum, part) => sum + part.length, 0);
    const cipher = builtinModules.crypto.createCipheriv("chacha20-poly1305", this.#key, this.#nextNonce(), {
      authTagLength: TAG_BYTES,
    });
    if (options.associatedData?.length) cipher.setAAD(options.associatedData, { plaintextLength: plaintextBytes });
    const resultBytes = headroomBytes + plaintextBytes + TAG_BYTES;
    const result = options.into?.subarray(0, resultBytes) ?? new Uint8Array(resultBytes);
    let offset = headroomBytes;
    for (const part of parts) {
      result.set(cipher.update(part), offset);
      offset += part.length;
    }
    cipher.final();
    result.set(cipher.getAuthTag(), offset);
    return result;
  }

  /**
   * @param ciphertext with its tag at the end
   * @throws ProtocolError truncated when there is no room for a tag, bad-tag when it does not fit or an earlier one did not
   */
  decrypt(ciphertext: Uint8Array, options: { readonly associatedData?: Uint8Array } = {}): Uint8Array {
    if (this.#isBroken) throw new ProtocolError("bad-tag", "An earlier message had a tag that does not fit");
    const tagStart = ciphertext.length - TAG_BYTES;
    if (tagStart < 0) {
      this.#isBroken = true;
      throw new ProtocolError("truncated", "An encrypted message is shorter than its tag");
    }
    const decipher = builtinModules.crypto.createDecipheriv("chacha20-poly1305", this.#key, this.#nextNonce(), {
      authTagLength: TAG_BYTES,
    });
    if (options.associatedData?.length) decipher.setAAD(options.associatedData, { plaintextLength: tagStart });
    decipher.setAuthTag(ciphertext.subarray(tagStart));
    // Never handed out before `final` has compared the tag.
    const plaintext = decipher.update(ciphertext.subarray(0, tagStart));
    try {
      decipher.final();
    } catch {
      this.#isBroken = true;
      throw new ProtocolError("bad-tag", "An encrypted message has a tag that does not fit");
    }
    // A plain array: `slice` of a Buffer would be a view.
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  }

  /** Noise 12.3: four zero bytes and the counter, little-endian. */
  #nextNonce(): Uint8Array {
    // Noise stops at 2^64 - 1; where a double stops being exact is far enough (2^53 messages).
    if (this.#counter >= Number.MAX_SAFE_INTEGER) throw new RangeError("Too many messages for one key");
    const view = new DataView(this.#nonce.buffer);
    view.setUint32(4, this.#counter >>> 0, true);
    view.setUint32(8, Math.floor(this.#counter / 2 ** 32), true);
    this.#counter += 1;
    return this.#nonce;
  }
}

/** Chaining key, transcript hash and, once there is a key, a cipher (Noise 5.2). */
class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  constructor(protocolName: string) {
    // Noise 5.2: a name longer than a hash is hashed. Ours has 36 bytes.
    this.#hash = sha256(encodeUtf8(protocolName));
    this.#chainingKey = this.#hash;
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(this.#hash, data);
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, input, 2);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hashInput, key] = hkdf(this.#chainingKey, input, 3);
    this.#chainingKey = chainingKey;
    this.mixHash(hashInput);
    this.#cipher = new CipherState(key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#keyed().encrypt(plaintext, { associatedData: this.#hash });
    this.mixHash(ciphertext);
    return ciphertext;
  }

  decryptAndHash(ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.#keyed().decrypt(ciphertext, { associatedData: this.#hash });
    this.mixHash(ciphertext);
    return plaintext;
  }

  split(): readonly [CipherState, CipherState] {
    const [first, second] = hkdf(this.#chainingKey, NOTHING, 2);
    return [new CipherState(first), new CipherState(second)];
  }

  #keyed(): CipherState {
    if (this.#cipher === undefined) throw new Error("No key yet: a payload before the first token");
    return this.#cipher;
  }
}

/** The two ciphers after the handshake. */
export interface Transport {
  readonly send: CipherState;
  readonly receive: CipherState;
  /** Noise 11.2: the same 32 bytes on both sides, different in every connection. */
  readonly handshakeHash: Uint8Array;
}

export interface HandshakeOptions {
  /** The pre-shared key, 32 bytes. */
  readonly psk: Uint8Array;
  /** What both sides must agree on beforehand. */
  readonly prologue: Uint8Array;
  /** Private key of this handshake, 32 bytes: only for test vectors. */
  readonly ephemeral?: Uint8Array;
}

/**
 * One side of the handshake. The calls come in one order (initiator: write, read, split; responder: read, write, split);
 * another order is a programmer's error.
 *
 *     NNpsk0:
 *       -> psk, e
 *       <- e, ee
 */
export class Handshake {
  readonly #isInitiator: boolean;
  readonly #symmetric = new SymmetricState(NOISE_PROTOCOL_NAME);
  readonly #privateKey: KeyObject;
  #remotePublicKey: Uint8Array | undefined;
  /** What may happen next. */
  #next: "first" | "second" | "split" | "nothing" = "first";

  constructor(isInitiator: boolean, { psk, prologue, ephemeral }: HandshakeOptions) {
    if (psk.length !== KEY_BYTES) throw new RangeError(`A pre-shared key has ${KEY_BYTES} bytes`);
    this.#isInitiator = isInitiator;
    this.#privateKey = ephemeral === undefined
      ? builtinModules.crypto.generateKeyPairSync("x25519").privateKey
      : toPrivateKey(ephemeral);
    this.#symmetric.mixHash(prologue);
    // The token "psk" comes first and needs nothing of the messages, so both sides do it here.
    this.#symmetric.mixKeyAndHash(psk);
  }

  /** The next handshake message. Payloads of the first one can be replayed by others: send nothing that matters. */
  writeMessage(payload: Uint8Array = NOTHING): Uint8Array<ArrayBuffer> {
    this.#advance(this.#isInitiator ? "first" : "second");
    const publicKey = toRawPublicKey(this.#privateKey);
    this.#mixEphemeral(publicKey);
    if (!this.#isInitiator) this.#mixSharedSecret();
    const sealed = this.#symmetric.encryptAndHash(payload);
    const message = new Uint8Array(PUBLIC_KEY_BYTES + sealed.length);
    message.set(publicKey);
    message.set(sealed, PUBLIC_KEY_BYTES);
    return message;
  }

  /**
   * Reads the peer's handshake message.
   * @returns its payload
   * @throws ProtocolError truncated, oversize, malformed (a public key of small order) or wrong-key (the tag does not fit)
   */
  readMessage(message: Uint8Array): Uint8Array {
    this.#advance(this.#isInitiator ? "second" : "first");
    const next = this.#next;
    this.#next = "nothing";
    if (message.length < HANDSHAKE_MESSAGE_BYTES) {
      throw new ProtocolError("truncated", "A handshake message is too short");
    }
    if (message.length > NOISE_MESSAGE_MAX_BYTES) {
      throw new ProtocolError("oversize", "A handshake message is too long");
    }
    this.#remotePublicKey = new Uint8Array(message.subarray(0, PUBLIC_KEY_BYTES));
    this.#mixEphemeral(this.#remotePublicKey);
    if (this.#isInitiator) this.#mixSharedSecret();
    const payload = this.#decryptPayload(message.subarray(PUBLIC_KEY_BYTES));
    this.#next = next;
    return payload;
  }

  /** The ciphers for everything after the handshake. */
  split(): Transport {
    this.#advance("split");
    const [first, second] = this.#symmetric.split();
    const handshakeHash = new Uint8Array(this.#symmetric.handshakeHash);
    return this.#isInitiator
      ? { send: first, receive: second, handshakeHash }
      : { send: second, receive: first, handshakeHash };
  }

  #advance(step: "first" | "second" | "split"): void {
    if (this.#next !== step) throw new Error("The calls of a handshake came in the wrong order, or after a failure");
    this.#next = step === "first" ? "second" : step === "second" ? "split" : "nothing";
  }

  /** The token "e" in a pattern with a pre-shared key (Noise 9.2). */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    this.#symmetric.mixKey(publicKey);
  }

  /** The token "ee". */
  #mixSharedSecret(): void {
    if (this.#remotePublicKey === undefined) throw new Error("No public key of the peer yet");
    this.#symmetric.mixKey(computeSharedSecret(this.#privateKey, this.#remotePublicKey));
  }

  #decryptPayload(sealed: Uint8Array): Uint8Array {
    try {
      return this.#symmetric.decryptAndHash(sealed);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new ProtocolError("wrong-key", "The handshake does not fit our key");
    }
  }
}

/** The side that opened the connection. */
export function createInitiator(options: HandshakeOptions): Handshake {
  return new Handshake(true, options);
}

/** The side that was connected to. */
export function createResponder(options: HandshakeOptions): Handshake {
  return new Handshake(false, options);
}

function computeSharedSecret(privateKey: KeyObject, remotePublicKey: Uint8Array): Uint8Array {
  const der = builtinModules.buffer.Buffer.concat([SPKI_PREFIX, remotePublicKey]);
  let secret: Uint8Array;
  try {
    const publicKey = builtinModules.crypto.createPublicKey({ key: der, format: "der", type: "spki" });
    secret = builtinModules.crypto.diffieHellman({ privateKey, publicKey });
  } catch {
    // OpenSSL refuses the all-zero result of a public key of small order (RFC 7748 section 6.1).
    throw new ProtocolError("malformed", "The peer's public key is not acceptable");
  }
  if (secret.every((byte) => byte === 0)) {
    throw new ProtocolError("malformed", "The peer's public key is not acceptable");
  }
  return secret;
}

function toPrivateKey(raw: Uint8Array): KeyObject {
  if (raw.length !== KEY_BYTES) throw new RangeError(`A private key has ${KEY_BYTES} bytes`);
  return builtinModules.crypto.createPrivateKey({
    key: builtinModules.buffer.Buffer.concat([PKCS8_PREFIX, raw]),
    format: "der",
    type: "pkcs8",
  });
}

function toRawPublicKey(privateKey: KeyObject): Uint8Array {
  const der: Uint8Array = builtinModules.crypto.createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return der.subarray(SPKI_PREFIX.length);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = builtinModules.crypto.createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 2): [Uint8Array, Uint8Array];
function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 3): [Uint8Array, Uint8Array, Uint8Array];
/** Noise 4.3: HKDF of RFC 5869 with the chaining key as salt and no info. */
function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: number): Uint8Array[] {
  const bytes = new Uint8Array(
    builtinModules.crypto.hkdfSync("sha256", input, chainingKey, NOTHING, outputs * KEY_BYTES),
  );
  return Array.from({ length: outputs }, (_, index) => bytes.slice(index * KEY_BYTES, (index + 1) * KEY_BYTES));
}
