/**
 * The few DHCP messages (RFC 2131, options of RFC 2132) by which a server asks whether another machine gives addresses
 * on a link. Pure.
 */

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

/** RFC 2131 section 3: what tells DHCP from BOOTP. */
const magicCookie = [0x63, 0x82, 0x53, 0x63];
const optionsStart = 240;
/** BOOTP's least length, which some servers demand (RFC 1542 section 2.1). */
const leastBytes = 300;
const option = { pad: 0, messageType: 53, serverIdentifier: 54, end: 255 } as const;
const messageType = { discover: 1, offer: 2, ack: 5 } as const;
const ethernet = 1;

export interface DhcpDiscover {
  /** By which the answer is known; 32 bits. */
  readonly transactionId: number;
  readonly mac: string;
}

/** The answer comes as a broadcast: we have none of the network's addresses. */
export function formatDhcpDiscover({ transactionId, mac }: DhcpDiscover): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(leastBytes);
  const view = new DataView(bytes.buffer);
  const hardware = mac.split(":").map((part) => parseInt(part, 16));
  bytes.set([1, ethernet, hardware.length]); // BOOTREQUEST
  view.setUint32(4, transactionId);
  view.setUint16(10, 0x8000); // broadcast
  bytes.set(hardware, 28);
  bytes.set([...magicCookie, option.messageType, 1, messageType.discover, option.end], optionsStart - 4);
  return bytes;
}

export interface DhcpAnswer {
  readonly transactionId: number;
  /** The server that answers, dotted. */
  readonly server: string;
}

/** @returns undefined for anything but an offer or an acknowledgement that names its server */
export function parseDhcpAnswer(bytes: Uint8Array): DhcpAnswer | undefined {
  const cookie = bytes.subarray(optionsStart - 4, optionsStart);
  if (bytes.length < optionsStart || bytes[0] !== 2 || magicCookie.some((byte, index) => cookie[index] !== byte)) {
    return undefined;
  }
  const options = new Map<number, Uint8Array>();
  for (let position = optionsStart; position < bytes.length;) {
    const code = bytes[position] ?? option.end;
    if (code === option.end) break;
    if (code === option.pad) {
      position += 1;
      continue;
    }
    const length = bytes[position + 1] ?? 0;
    const value = bytes.subarray(position + 2, position + 2 + length);
    if (value.length < length) return undefined;
    if (!options.has(code)) options.set(code, value);
    position += 2 + length;
  }
  const [type] = options.get(option.messageType) ?? [];
  const server = options.get(option.serverIdentifier);
  if ((type !== messageType.offer && type !== messageType.ack) || server?.length !== 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { transactionId: view.getUint32(4), server: server.join(".") };
}
