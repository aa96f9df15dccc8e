/** The tunnel that a session's blocks go through: addresses, MTU, keys. Pure. */
import { STIEFEL_TUNNEL_NAME } from "../../protocol/session.ts";
import type { SessionParameters } from "../../protocol/session_groups.ts";
import type { Ends } from "../transport.ts";
import { uniqueLocalPrefix, uniqueLocalPrefixBytes } from "../unique_local_prefix.ts";
import { formatWireguardEnd, type TunnelKeys } from "./wireguard_config.ts";

/** UDP, as in WireGuard's own examples; the first of several. */
const firstTunnelPort = 51820;
/** Of IPv6, UDP and WireGuard around each packet (wireguard.com, "Known Limitations": 60 with IPv4). */
const overheadBytes = 80;
export const ethernetMtu = 1500;
/** The least that a link for IPv6 may have (RFC 8200 section 5). */
const leastMtu = 1280;

const namespaceBytes = 4;
export const TUNNEL_RANDOM_BYTES = uniqueLocalPrefixBytes + namespaceBytes;

/** How the laptop raises its end. */
export interface TunnelSettings {
  /** The network namespace that holds the tunnel and what listens inside it, and nothing else. */
  readonly namespace: string;
  readonly name: string;
  /** The laptop's, without prefix length. */
  readonly address: string;
  readonly peerAddress: string;
  readonly mtu: number;
  /** Secret: for `wg setconf`. */
  readonly configuration: string;
}

export interface TunnelInputs {
  /** Of the link. */
  readonly ends: Ends;
  readonly keys: TunnelKeys;
  /** Of the desktop, in hex. */
  readonly peerPublicKey: string;
  /** From the boot exchange's handshake. */
  readonly presharedKey: Uint8Array;
  /** {@link TUNNEL_RANDOM_BYTES} */
  readonly random: Uint8Array;
  /** Number of the session: tunnels of a machine listen side by side. */
  readonly slot?: number;
}

export interface TunnelPlan {
  /** What the desktop learns. */
  readonly group: NonNullable<SessionParameters["tunnel"]>;
  readonly settings: TunnelSettings;
  /** Of the way inside the tunnel. */
  readonly ends: Ends;
}

export function planTunnel({ ends, keys, peerPublicKey, presharedKey, random, slot = 0 }: TunnelInputs): TunnelPlan {
  const port = firstTunnelPort + slot;
  const prefix = uniqueLocalPrefix(random.subarray(0, uniqueLocalPrefixBytes));
  const [address, peerAddress] = [`${prefix}::1`, `${prefix}::2`];
  const mtu = Math.max(leastMtu, (ends.mtu ?? ethernetMtu) - overheadBytes);
  const peer = { publicKey: peerPublicKey, presharedKey, address: peerAddress };
  return {
    group: {
      name: STIEFEL_TUNNEL_NAME,
      address: `${peerAddress}/128`,
      mtu,
      endpoint: ends.serverAddress,
      port,
      publicKey: keys.publicKey,
    },
    settings: {
      namespace: `stiefel-${random.subarray(uniqueLocalPrefixBytes, TUNNEL_RANDOM_BYTES).toHex()}`,
      name: STIEFEL_TUNNEL_NAME,
      address,
      peerAddress,
      mtu,
      configuration: formatWireguardEnd({ privateKey: keys.privateKey, listenPort: port, peer }),
    },
    ends: { serverAddress: address, clientAddress: `${peerAddress}/128`, allowAddress: peerAddress },
  };
}

/**
 * The desktop's end, for the file beside the session file: its private key is known to the desktop alone.
 * @returns undefined for a session without tunnel
 */
export function formatDesktopEnd(
  { tunnel, disk }: SessionParameters,
  { privateKey, presharedKey }: { readonly privateKey: Uint8Array; readonly presharedKey: Uint8Array },
): string | undefined {
  if (tunnel === undefined) return undefined;
  const { publicKey, endpoint: address, port } = tunnel;
  const peer = { publicKey, presharedKey, address: disk.address, endpoint: { address, port } };
  return formatWireguardEnd({ privateKey, peer });
}
