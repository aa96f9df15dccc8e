/**
 * WireGuard's settings for one end of a session's tunnel: the text that `wg setconf` reads (wg(8), "CONFIGURATION
 * FILE FORMAT"). It holds keys: it goes to wg through memory only, and never on a command line. Pure.
 */
import { importKeyPair, KEY_BYTES } from "../../protocol/primitives.ts";

export interface TunnelKeys {
  /** Secret: raw, {@link KEY_BYTES}. */
  readonly privateKey: Uint8Array;
  /** In hex, as hello and session have it. */
  readonly publicKey: string;
}

/** @param random {@link KEY_BYTES} of them: WireGuard clamps them itself (RFC 7748 section 5) */
export async function makeTunnelKeys(random: Uint8Array): Promise<TunnelKeys> {
  return { privateKey: random, publicKey: (await importKeyPair(random)).publicKey.toHex() };
}

export interface WireguardEnd {
  readonly privateKey: Uint8Array;
  /** UDP; absent: any. */
  readonly listenPort?: number;
  readonly peer: {
    /** In hex. */
    readonly publicKey: string;
    /** Secret: mixed into every handshake, so that neither key alone is enough. */
    readonly presharedKey: Uint8Array;
    /** Its address inside the tunnel: the only one that it may use. */
    readonly address: string;
    /** Absent for the end that is called. */
    readonly endpoint?: { readonly address: string; readonly port: number };
  };
}

/** @throws {RangeError} for a key of another length */
export function formatWireguardEnd({ privateKey, listenPort, peer }: WireguardEnd): string {
  const { address, endpoint } = peer;
  const host = endpoint?.address.includes(":") ? `[${endpoint.address}]` : endpoint?.address;
  return [
    "[Interface]",
    `PrivateKey = ${toBase64(privateKey)}`,
    ...(listenPort === undefined ? [] : [`ListenPort = ${listenPort}`]),
    "[Peer]",
    `PublicKey = ${toBase64(Uint8Array.fromHex(peer.publicKey))}`,
    `PresharedKey = ${toBase64(peer.presharedKey)}`,
    ...(endpoint === undefined ? [] : [`Endpoint = ${host}:${endpoint.port}`]),
    `AllowedIPs = ${address}/${address.includes(":") ? 128 : 32}`,
    "",
  ].join("\n");
}

function toBase64(key: Uint8Array): string {
  if (key.length !== KEY_BYTES) throw new RangeError(`A key of WireGuard has ${KEY_BYTES} bytes`);
  return key.toBase64();
}
