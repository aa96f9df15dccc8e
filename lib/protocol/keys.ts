/** The shared key and what is derived from it (doc/protocol.md, "Keys"). */
import { hkdfSha256 } from "./primitives.ts";
import { encodeUtf8 } from "../formats/text.ts";

/** Length of the shared key, of every key derived from it, and of the key file. */
export const SHARED_KEY_BYTES = 32;

/** One purpose each: nothing that one part of the protocol shows can be used in another. */
const DISCOVERY_INFO = "stiefelsystem 1 discovery";
const FINGERPRINT_INFO = "stiefelsystem 1 fingerprint";
const BOOT_PSK_INFO = "stiefelsystem 1 boot exchange";

export interface DerivedKeys {
  /** Key of the HMAC on discovery datagrams. */
  readonly discoveryKey: Uint8Array;
  /** Pre-shared key of the Noise handshake. */
  readonly bootPsk: Uint8Array;
}

/**
 * Derives the keys of the protocol from the shared key by HKDF-SHA-256 (RFC 5869) with an empty salt.
 * @param sharedKey the 32 bytes of the key file
 * @throws RangeError when the key has another length
 */
export async function deriveKeys(sharedKey: Uint8Array): Promise<DerivedKeys> {
  if (sharedKey.length !== SHARED_KEY_BYTES) {
    throw new RangeError(`The shared key has ${sharedKey.length} bytes, wanted ${SHARED_KEY_BYTES}`);
  }
  const derive = (info: string): Promise<Uint8Array> =>
    hkdfSha256(sharedKey, { salt: new Uint8Array(0), info: encodeUtf8(info), sizeBytes: SHARED_KEY_BYTES });
  return { discoveryKey: await derive(DISCOVERY_INFO), bootPsk: await derive(BOOT_PSK_INFO) };
}

/** How many bytes of a fingerprint are shown. */
const FINGERPRINT_BYTES = 8;

/**
 * By what people tell one shared key from another: four groups of four hexadecimal digits. It says nothing about the
 * key (RFC 5869), and is no secret.
 * @throws RangeError when the key has another length
 */
export async function keyFingerprint(sharedKey: Uint8Array): Promise<string> {
  if (sharedKey.length !== SHARED_KEY_BYTES) {
    throw new RangeError(`The shared key has ${sharedKey.length} bytes, wanted ${SHARED_KEY_BYTES}`);
  }
  const info = encodeUtf8(FINGERPRINT_INFO);
  const bytes = await hkdfSha256(sharedKey, { salt: new Uint8Array(0), info, sizeBytes: FINGERPRINT_BYTES });
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.match(/.{4}/g)?.join("-") ?? "";
}
