/**
 * Noise_NNpsk0_25519_ChaChaPoly_SHA256 (The Noise Protocol Framework, revision 34) on the primitives of the runtime.
 * Names follow the specification; sections are quoted as "Noise 5.2". The primitives are asynchronous, so calls that
 * would overlap are refused: what is in a fixed order can then be read off the code.
 */
import { ProtocolError } from "../errors.ts";
import {
  computeSharedSecret,
  decrypt,
  encrypt,
  generateKeyPair,
  hkdfSha256,
  importCipherKey,
  importKeyPair,
  KEY_BYTES,
  type KeyPair,
  sha256,
  TAG_BYTES,
} from "./primitives.ts";
import { encodeUtf8 } from "../formats/text.ts";

export const NOISE_PROTOCOL_NAME = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
/** Noise 3: no Noise message is longer. */
const NOISE_MESSAGE_MAX_BYTES = 65535;
/** Length of both handshake messages with an empty payload: an ephemeral public key and a tag. */
export const HANDSHAKE_MESSAGE_BYTES = KEY_BYTES + TAG_BYTES;
const NOTHING = new Uint8Array(0);

export interface CipherOptions {
  readonly associatedData?: Uint8Array;
}

/**
 * A key and a counter (Noise 5.1). A tag that does not fit ends its use: nothing can be decrypted after a failure. A
 * call before the one before it has ended is a programmer's error: it gets no number, and what was begun goes on
 * undisturbed.
 */
export class CipherState {
  readonly #key: CryptoKey;
  readonly #nonce = new Uint8Array(12);
  #counter = 0;
  #isBusy = false;
  #isBroken = false;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** @param key 32 bytes */
  static async create(key: Uint8Array): Promise<CipherState> {
    if (key.length !== KEY_BYTES) throw new RangeError(`A cipher key has ${KEY_BYTES} bytes`);
    return new CipherState(await importCipherKey(key));
  }

  /** @returns ciphertext and tag: 16 bytes more than the plaintext */
  async encrypt(plaintext: Uint8Array, { associatedData }: CipherOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const nonce = this.#begin();
    try {
      return await encrypt(this.#key, plaintext, { nonce, associatedData });
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * @param ciphertext with its tag at the end
   * @throws ProtocolError truncated when there is no room for a tag, bad-tag when it does not fit or an earlier one
   *   did not
   */
  async decrypt(ciphertext: Uint8Array, { associatedData }: CipherOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const nonce = this.#begin();
    try {
      if (this.#isBroken) throw new ProtocolError("bad-tag", "An earlier message had a tag that does not fit");
      // Until this one is seen to fit, so that whatever goes wrong ends the use.
      this.#isBroken = true;
      if (ciphertext.length < TAG_BYTES) {
        throw new ProtocolError("truncated", "An encrypted message is shorter than its tag");
      }
      const plaintext = await decrypt(this.#key, ciphertext, { nonce, associatedData });
      if (plaintext === undefined) {
        throw new ProtocolError("bad-tag", "An encrypted message has a tag that does not fit");
      }
      this.#isBroken = false;
      return plaintext;
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * The nonce of the call that begins, counted on before anything is waited for, so that none is used twice.
   * Noise 12.3: four zero bytes and the counter, little-endian.
   */
  #begin(): Uint8Array {
    if (this.#isBusy) throw new Error("A cipher was used before it was done with the message before");
    // Noise stops at 2^64 - 1; where a double stops being exact is far enough (2^53 messages).
    if (this.#counter >= Number.MAX_SAFE_INTEGER) throw new RangeError("Too many messages for one key");
    const view = new DataView(this.#nonce.buffer);
    view.setUint32(4, this.#counter >>> 0, true);
    view.setUint32(8, Math.floor(this.#counter / 2 ** 32), true);
    this.#counter += 1;
    this.#isBusy = true;
    return this.#nonce;
  }
}

/** Chaining key, transcript hash and, once there is a key, a cipher (Noise 5.2). */
class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #cipher: CipherState | undefined;

  private constructor(hash: Uint8Array) {
    this.#hash = hash;
    this.#chainingKey = hash;
  }

  static async create(protocolName: string): Promise<SymmetricState> {
    // Noise 5.2: a name longer than a hash is hashed. Ours has 36 bytes.
    return new SymmetricState(await sha256(encodeUtf8(protocolName)));
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  async mixHash(data: Uint8Array): Promise<void> {
    this.#hash = await sha256(this.#hash, data);
  }

  async mixKey(input: Uint8Array): Promise<void> {
    const [chainingKey, key] = await hkdf(this.#chainingKey, input, 2);
    this.#chainingKey = chainingKey;
    this.#cipher = await CipherState.create(key);
  }

  async mixKeyAndHash(input: Uint8Array): Promise<void> {
    const [chainingKey, hashInput, key] = await hkdf(this.#chainingKey, input, 3);
    this.#chainingKey = chainingKey;
    await this.mixHash(hashInput);
    this.#cipher = await CipherState.create(key);
  }

  async encryptAndHash(plaintext: Uint8Array): Promise<Uint8Array> {
    const ciphertext = await this.#keyed().encrypt(plaintext, { associatedData: this.#hash });
    await this.mixHash(ciphertext);
    return ciphertext;
  }

  async decryptAndHash(ciphertext: Uint8Array): Promise<Uint8Array> {
    const plaintext = await this.#keyed().decrypt(ciphertext, { associatedData: this.#hash });
    await this.mixHash(ciphertext);
    return plaintext;
  }

  /** The first two outputs are those of Noise; HKDF gives more of them, each a secret of its own. */
  async split(): Promise<{ readonly ciphers: readonly [CipherState, CipherState]; readonly secret: Uint8Array }> {
    const [first, second, secret] = await hkdf(this.#chainingKey, NOTHING, 3);
    return { ciphers: [await CipherState.create(first), await CipherState.create(second)], secret };
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
  /** 32 bytes that only the two sides know, and that no key of the ciphers tells anything of. */
  readonly secret: Uint8Array;
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
 * One side of the handshake. The calls come in one order, each after the one before it has ended (initiator: write,
 * read, split; responder: read, write, split); another order is a programmer's error.
 *
 *     NNpsk0:
 *       -> psk, e
 *       <- e, ee
 */
export class Handshake {
  readonly #isInitiator: boolean;
  readonly #symmetric: SymmetricState;
  readonly #keyPair: KeyPair;
  #remotePublicKey: Uint8Array | undefined;
  /** What may happen next; nothing while something happens, and after a failure. */
  #next: Step | "nothing" = "first";

  private constructor(isInitiator: boolean, symmetric: SymmetricState, keyPair: KeyPair) {
    this.#isInitiator = isInitiator;
    this.#symmetric = symmetric;
    this.#keyPair = keyPair;
  }

  static async create(isInitiator: boolean, { psk, prologue, ephemeral }: HandshakeOptions): Promise<Handshake> {
    if (psk.length !== KEY_BYTES) throw new RangeError(`A pre-shared key has ${KEY_BYTES} bytes`);
    const keyPair = ephemeral === undefined ? await generateKeyPair() : await importKeyPair(ephemeral);
    const symmetric = await SymmetricState.create(NOISE_PROTOCOL_NAME);
    await symmetric.mixHash(prologue);
    // The token "psk" comes first and needs nothing of the messages, so both sides do it here.
    await symmetric.mixKeyAndHash(psk);
    return new Handshake(isInitiator, symmetric, keyPair);
  }

  /** The next handshake message. Payloads of the first one can be replayed by others: send nothing that matters. */
  async writeMessage(payload: Uint8Array = NOTHING): Promise<Uint8Array<ArrayBuffer>> {
    const step = this.#isInitiator ? "first" : "second";
    this.#begin(step);
    const { publicKey } = this.#keyPair;
    await this.#mixEphemeral(publicKey);
    if (!this.#isInitiator) await this.#mixSharedSecret();
    const sealed = await this.#symmetric.encryptAndHash(payload);
    const message = new Uint8Array(KEY_BYTES + sealed.length);
    message.set(publicKey);
    message.set(sealed, KEY_BYTES);
    this.#next = stepAfter[step];
    return message;
  }

  /**
   * Reads the peer's handshake message.
   * @returns its payload
   * @throws ProtocolError truncated, oversize, malformed (a public key of small order) or wrong-key (the tag does not
   *   fit)
   */
  async readMessage(message: Uint8Array): Promise<Uint8Array> {
    const step = this.#isInitiator ? "second" : "first";
    this.#begin(step);
    if (message.length < HANDSHAKE_MESSAGE_BYTES) {
      throw new ProtocolError("truncated", "A handshake message is too short");
    }
    if (message.length > NOISE_MESSAGE_MAX_BYTES) {
      throw new ProtocolError("oversize", "A handshake message is too long");
    }
    // Memory of our own: what comes next may be read into the caller's meanwhile.
    const copy = new Uint8Array(message);
    this.#remotePublicKey = copy.subarray(0, KEY_BYTES);
    await this.#mixEphemeral(this.#remotePublicKey);
    if (this.#isInitiator) await this.#mixSharedSecret();
    const payload = await this.#decryptPayload(copy.subarray(KEY_BYTES));
    this.#next = stepAfter[step];
    return payload;
  }

  /** The ciphers for everything after the handshake. */
  async split(): Promise<Transport> {
    this.#begin("split");
    const { ciphers: [first, second], secret } = await this.#symmetric.split();
    const handshakeHash = new Uint8Array(this.#symmetric.handshakeHash);
    return this.#isInitiator
      ? { send: first, receive: second, handshakeHash, secret }
      : { send: second, receive: first, handshakeHash, secret };
  }

  #begin(step: Step): void {
    if (this.#next !== step) throw new Error("The calls of a handshake came in the wrong order, or after a failure");
    this.#next = "nothing";
  }

  /** The token "e" in a pattern with a pre-shared key (Noise 9.2). */
  async #mixEphemeral(publicKey: Uint8Array): Promise<void> {
    await this.#symmetric.mixHash(publicKey);
    await this.#symmetric.mixKey(publicKey);
  }

  /** The token "ee". */
  async #mixSharedSecret(): Promise<void> {
    if (this.#remotePublicKey === undefined) throw new Error("No public key of the peer yet");
    const secret = await computeSharedSecret(this.#keyPair.privateKey, this.#remotePublicKey);
    if (secret === undefined) throw new ProtocolError("malformed", "The peer's public key is not acceptable");
    await this.#symmetric.mixKey(secret);
  }

  async #decryptPayload(sealed: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#symmetric.decryptAndHash(sealed);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new ProtocolError("wrong-key", "The handshake does not fit our key");
    }
  }
}

type Step = "first" | "second" | "split";
const stepAfter = { first: "second", second: "split" } as const;

/** The side that opened the connection. */
export async function createInitiator(options: HandshakeOptions): Promise<Handshake> {
  return await Handshake.create(true, options);
}

/** The side that was connected to. */
export async function createResponder(options: HandshakeOptions): Promise<Handshake> {
  return await Handshake.create(false, options);
}

async function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: 2): Promise<[Uint8Array, Uint8Array]>;
async function hkdf(
  chainingKey: Uint8Array,
  input: Uint8Array,
  outputs: 3,
): Promise<[Uint8Array, Uint8Array, Uint8Array]>;
/** Noise 4.3: HKDF of RFC 5869 with the chaining key as salt and no info. */
async function hkdf(chainingKey: Uint8Array, input: Uint8Array, outputs: number): Promise<Uint8Array[]> {
  const bytes = await hkdfSha256(input, { salt: chainingKey, info: NOTHING, sizeBytes: outputs * KEY_BYTES });
  return Array.from({ length: outputs }, (_, index) => bytes.slice(index * KEY_BYTES, (index + 1) * KEY_BYTES));
}
