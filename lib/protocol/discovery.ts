/**
 * The datagrams of discovery (doc/protocol.md, "Discovery"): one fixed layout of 128 bytes for all of them, so that no
 * answer is longer than its question.
 */
import { ProtocolError } from "../errors.ts";
import { hmacSha256, importHmacKey, isEqualInConstantTime } from "./primitives.ts";
import { decodeUtf8, encodeUtf8, isPrintable } from "../formats/text.ts";

export const DISCOVERY_PORT = 61570;
/**
 * ff02::1, all nodes on the link (RFC 4291 section 2.7.1): every IPv6 host has joined it, so nothing has to be
 * configured.
 */
export const DISCOVERY_GROUP = "ff02::1";
const DISCOVERY_VERSION = 1;
/** Length of every datagram. */
export const DISCOVERY_BYTES = 128;
export const NONCE_BYTES = 16;
export const DISCOVERY_NAME_MAX_BYTES = 64;

const MAGIC = encodeUtf8("STFL");
const TAG_START = DISCOVERY_BYTES - 16;
/** Where each field starts. */
const AT = {
  version: 4,
  type: 5,
  clientNonce: 6,
  challenge: 22,
  state: 38,
  tcpPort: 39,
  nameBytes: 41,
  name: 42,
  reserved: 106,
} as const;

/**
 * "installed-os": the laptop's own system runs there, and can be turned into a server by a claim; "declining": it does
 * not want to be for a while, because a user there said no or because it does not work.
 */
export type ServerPresence = "serving" | "busy" | "installed-os" | "declining";
const PRESENCES: readonly ServerPresence[] = ["serving", "busy", "installed-os", "declining"];

export type DiscoveryMessage =
  /** Client, to everyone on the link or to one address: who has our key? */
  | { readonly kind: "discover"; readonly clientNonce: Uint8Array }
  /** Server, to the client that asked. */
  | {
    readonly kind: "offer";
    readonly clientNonce: Uint8Array;
    readonly challenge: Uint8Array;
    readonly state: ServerPresence;
    /** Port of the boot exchange; 0 when there is none (installed-os, declining). */
    readonly tcpPort: number;
    readonly name: string;
  }
  /** Client, for one installed system, to everyone on the link: become a server. */
  | { readonly kind: "claim"; readonly clientNonce: Uint8Array; readonly challenge: Uint8Array; readonly name: string }
  /** The installed system: it will. */
  | { readonly kind: "claim-accepted"; readonly clientNonce: Uint8Array; readonly challenge: Uint8Array }
  /** Server, to a client whose tag does not fit: a server is here, with another key. Tells nothing else. */
  | { readonly kind: "other-key"; readonly clientNonce: Uint8Array };

const KINDS: readonly DiscoveryMessage["kind"][] = ["discover", "offer", "claim", "claim-accepted", "other-key"];

/**
 * The discovery key as datagrams are written and read with it.
 * @param key `deriveKeys(sharedKey).discoveryKey`
 */
export async function importDiscoveryKey(key: Uint8Array): Promise<CryptoKey> {
  return await importHmacKey(key);
}

/**
 * The datagram of a message.
 * @param discoveryKey made by `importDiscoveryKey`
 * @throws RangeError when a field is out of its bounds
 */
export async function formatDiscovery(
  message: DiscoveryMessage,
  discoveryKey: CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(DISCOVERY_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes[AT.version] = DISCOVERY_VERSION;
  bytes[AT.type] = KINDS.indexOf(message.kind) + 1;
  bytes.set(checkedNonce(message.clientNonce), AT.clientNonce);
  if ("challenge" in message) bytes.set(checkedNonce(message.challenge), AT.challenge);
  if (message.kind === "offer") {
    if (!Number.isInteger(message.tcpPort) || message.tcpPort < 0 || message.tcpPort > 65535) {
      throw new RangeError("Not a TCP port");
    }
    bytes[AT.state] = PRESENCES.indexOf(message.state) + 1;
    view.setUint16(AT.tcpPort, message.tcpPort);
  }
  if ("name" in message) {
    const name = encodeUtf8(message.name);
    if (name.length > DISCOVERY_NAME_MAX_BYTES || !isPrintable(message.name)) {
      throw new RangeError("Not a name for a datagram");
    }
    bytes[AT.nameBytes] = name.length;
    bytes.set(name, AT.name);
  }
  bytes.set(await computeTag(bytes, discoveryKey), TAG_START);
  return bytes;
}

function checkedNonce(nonce: Uint8Array): Uint8Array {
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`A nonce has ${NONCE_BYTES} bytes`);
  return nonce;
}

/** HMAC-SHA-256 over all that precedes the tag, its first 16 bytes (RFC 2104 section 5 allows half of the hash). */
async function computeTag(bytes: Uint8Array, discoveryKey: CryptoKey): Promise<Uint8Array> {
  const whole = await hmacSha256(discoveryKey, bytes.subarray(0, TAG_START));
  return whole.subarray(0, DISCOVERY_BYTES - TAG_START);
}

export interface ParsedDiscovery {
  readonly message: DiscoveryMessage;
  /**
   * Whether the tag was made with our key. False: well-formed, by someone with another key, or forged; believe nothing
   * of it.
   */
  readonly authentic: boolean;
}

/**
 * Reads a datagram.
 * @param bytes not to be changed before the promise is settled
 * @param discoveryKey made by `importDiscoveryKey`
 * @throws ProtocolError malformed, unknown-version, truncated or oversize
 */
export async function parseDiscovery(bytes: Uint8Array, discoveryKey: CryptoKey): Promise<ParsedDiscovery> {
  const message = parseUnproved(bytes);
  return { message, authentic: await isAuthentic(bytes, discoveryKey) };
}

/**
 * Reads a datagram and leaves its tag alone: who has several keys finds out first which of them was asked with.
 * Believe nothing of it before {@link isAuthentic}.
 * @throws ProtocolError malformed, unknown-version, truncated or oversize
 */
export function parseUnproved(bytes: Uint8Array): DiscoveryMessage {
  const isOurs = bytes.length > 0 && MAGIC.every((byte, index) => (bytes[index] ?? byte) === byte);
  if (!isOurs) throw new ProtocolError("malformed", "Not a discovery datagram");
  const version = bytes[AT.version];
  // Another version may have another length, so its number comes first.
  if (version !== undefined && version !== DISCOVERY_VERSION) {
    throw new ProtocolError(
      "unknown-version",
      `A discovery datagram has version ${version}, wanted ${DISCOVERY_VERSION}`,
    );
  }
  if (bytes.length < DISCOVERY_BYTES) throw new ProtocolError("truncated", "A discovery datagram is too short");
  if (bytes.length > DISCOVERY_BYTES) throw new ProtocolError("oversize", "A discovery datagram is too long");
  return parseMessage(bytes);
}

/**
 * Whether the tag of a datagram that could be read was made with this key.
 * @param bytes not to be changed before the promise is settled
 */
export async function isAuthentic(bytes: Uint8Array, discoveryKey: CryptoKey): Promise<boolean> {
  return isEqualInConstantTime(bytes.subarray(TAG_START), await computeTag(bytes, discoveryKey));
}

function parseMessage(bytes: Uint8Array): DiscoveryMessage {
  const kind = KINDS[(bytes[AT.type] ?? 0) - 1];
  if (kind === undefined) throw new ProtocolError("malformed", "A discovery datagram has an unknown type");
  const clientNonce = new Uint8Array(bytes.subarray(AT.clientNonce, AT.challenge));
  const challenge = new Uint8Array(bytes.subarray(AT.challenge, AT.state));
  // Fields that a kind does not have must be zero.
  switch (kind) {
    case "discover":
    case "other-key":
      checkZero(bytes, AT.challenge);
      return { kind, clientNonce };
    case "offer": {
      const state = PRESENCES[(bytes[AT.state] ?? 0) - 1];
      if (state === undefined) throw new ProtocolError("malformed", "A discovery datagram has an unknown state");
      const tcpPort = ((bytes[AT.tcpPort] ?? 0) << 8) | (bytes[AT.tcpPort + 1] ?? 0);
      return { kind, clientNonce, challenge, state, tcpPort, name: parseName(bytes) };
    }
    case "claim":
      checkZero(bytes, AT.state, AT.nameBytes);
      return { kind, clientNonce, challenge, name: parseName(bytes) };
    case "claim-accepted":
      checkZero(bytes, AT.state);
      return { kind, clientNonce, challenge };
  }
}

function parseName(bytes: Uint8Array): string {
  const nameBytes = bytes[AT.nameBytes] ?? 0;
  if (nameBytes > DISCOVERY_NAME_MAX_BYTES) {
    throw new ProtocolError("malformed", "A discovery datagram has a name that is too long");
  }
  checkZero(bytes, AT.name + nameBytes);
  const name = decodeUtf8(bytes.subarray(AT.name, AT.name + nameBytes), "The name in a discovery datagram");
  if (!isPrintable(name)) {
    throw new ProtocolError("malformed", "A discovery datagram has a name with control characters");
  }
  return name;
}

function checkZero(bytes: Uint8Array, start: number, end: number = TAG_START): void {
  if (bytes.subarray(start, end).some((byte) => byte !== 0)) {
    throw new ProtocolError("malformed", "A discovery datagram has bytes where its form has none");
  }
}
