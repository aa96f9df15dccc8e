/**
 * What the protocol needs of cryptography, by Web Crypto (W3C; ChaCha20-Poly1305 and "raw-secret" keys: WICG "Modern
 * Algorithms in the Web Cryptography API"). It is part of the runtime's core: node:crypto, and `process` with it,
 * would take a third of an agent's start to load.
 *
 * Web Crypto copies what it is given before it returns a promise, so that buffers may be filled again at once.
 */

import { concatenate } from "../formats/bytes.ts";

/** Length of keys, private and public, of all that is used here. */
export const KEY_BYTES = 32;
/** Length of a Poly1305 tag. */
export const TAG_BYTES = 16;

const NOTHING = new Uint8Array(0);
/** The fixed start of an X25519 private key as PKCS #8 (RFC 8410 section 7). */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b656e04220420");
/** RFC 7748 section 4.1: the u-coordinate of the base point. */
const X25519_BASE_POINT = new Uint8Array(KEY_BYTES).with(0, 9);

/** The hash of all parts together. */
export async function sha256(...parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concatenate(parts)));
}

export interface HkdfOptions {
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
  readonly sizeBytes: number;
}

/** HKDF with SHA-256 (RFC 5869), both steps. */
export async function hkdfSha256(
  input: Uint8Array,
  { salt, info, sizeBytes }: HkdfOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", plain(input), "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: plain(salt), info: plain(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, sizeBytes * 8));
}

/** A key for `hmacSha256`. */
export async function importHmacKey(key: Uint8Array): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", plain(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** HMAC with SHA-256 (RFC 2104), 32 bytes. */
export async function hmacSha256(key: CryptoKey, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, plain(data)));
}

/**
 * Whether both are the same, in a time that does not tell where they differ. Not by `verify`, which takes a whole HMAC
 * only.
 * @throws RangeError when the lengths differ
 */
export function isEqualInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) throw new RangeError("Only what has one length can be compared");
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= (one[index] ?? 0) ^ (other[index] ?? 0);
  return difference === 0;
}

/** An X25519 key pair (RFC 7748). */
export interface KeyPair {
  readonly privateKey: CryptoKey;
  /** As it goes over the wire. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/** A fresh key pair, whose private half never leaves the runtime. */
export async function generateKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]) as CryptoKeyPair;
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
  };
}

/** The key pair of a given private key, raw: for one that another program has to know, and for test vectors. */
export async function importKeyPair(raw: Uint8Array): Promise<KeyPair> {
  if (raw.length !== KEY_BYTES) throw new RangeError(`A private key has ${KEY_BYTES} bytes`);
  const privateKey = await crypto.subtle.importKey(
    "pkcs8",
    concatenate([PKCS8_PREFIX, raw]),
    { name: "X25519" },
    false,
    [
      "deriveBits",
    ],
  );
  return { privateKey, publicKey: await x25519(privateKey, X25519_BASE_POINT) };
}

/**
 * The secret both sides have in common.
 * @returns undefined when it would be all zeros: the other side's key is a point of small order (RFC 7748 section 6.1)
 */
export async function computeSharedSecret(
  privateKey: CryptoKey,
  remotePublicKey: Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const secret = await x25519(privateKey, remotePublicKey);
    // The specification has `deriveBits` refuse it; who relies on that alone has no second chance.
    return secret.every((byte) => byte === 0) ? undefined : secret;
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

async function x25519(privateKey: CryptoKey, publicKey: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const remote = await crypto.subtle.importKey("raw", plain(publicKey), { name: "X25519" }, false, []);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "X25519", public: remote }, privateKey, KEY_BYTES * 8),
  );
}

const CIPHER = "ChaCha20-Poly1305";

/** A key for `encrypt` and `decrypt`. */
export async function importCipherKey(key: Uint8Array): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw-secret", plain(key), CIPHER, false, ["encrypt", "decrypt"]);
}

export interface CipherOptions {
  /** 12 bytes, never twice with one key. */
  readonly nonce: Uint8Array;
  readonly associatedData?: Uint8Array | undefined;
}

/** ChaCha20-Poly1305 (RFC 8439). @returns ciphertext and tag */
export async function encrypt(
  key: CryptoKey,
  plaintext: Uint8Array,
  options: CipherOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.encrypt(cipherParameters(options), key, plain(plaintext)));
}

/** @returns the plaintext; undefined when the tag does not fit */
export async function decrypt(
  key: CryptoKey,
  ciphertext: Uint8Array,
  options: CipherOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipherParameters(options), key, plain(ciphertext)));
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}

function cipherParameters({ nonce, associatedData = NOTHING }: CipherOptions): AesGcmParams {
  return { name: CIPHER, iv: plain(nonce), additionalData: plain(associatedData), tagLength: TAG_BYTES * 8 };
}

/**
 * Gives the memory of a large result back at once. The garbage collector would let dozens of them pile up first, and
 * all of them would be fresh pages, which cost more than the cipher. Afterwards the bytes, and all that shares their
 * buffer, are gone.
 */
export function giveBack(bytes: Uint8Array): void {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}

/**
 * To be called before many large pieces are encrypted or decrypted. glibc takes blocks of 128 KiB and more from the
 * kernel and gives them back each time, until the program has freed a larger one: only from then on blocks up to that
 * size are kept for the next time (mallopt(3), M_MMAP_THRESHOLD). This one is never touched and so costs nothing. On a
 * virtual machine pieces of 512 KiB are encrypted six times faster.
 */
export function keepLargeBlocks(): void {
  new ArrayBuffer(LARGE_BLOCK_BYTES).transfer(0);
}

/** Larger than what the runtime takes for a piece: it doubles a buffer of 512 KiB for the tag. */
const LARGE_BLOCK_BYTES = 4 * 1024 * 1024;

/**
 * Web Crypto takes no memory that threads share. This program has no such memory; its types do not say so everywhere.
 */
function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
