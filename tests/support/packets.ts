/** Packets of a machine that has only a cable: Ethernet, IPv6, TCP, UDP and ICMPv6 by hand. Pure. */

import { concatenate } from "../../lib/formats/bytes.ts";

/** A machine on the cable: its card's address, and one of IPv6 in 16 bytes. */
export interface Station {
  readonly mac: Uint8Array;
  readonly address: Uint8Array;
}

export function parseMac(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
}

/** @param text without zone */
export function parseIpv6(text: string): Uint8Array {
  const [head = "", tail] = text.split("::");
  const groups = (part: string): number[] => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

export const protocols = { tcp: 6, udp: 17, icmpv6: 58 } as const;
export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** RFC 1071, over the pseudo header of RFC 8200 section 8.1. */
function checksum(from: Station, to: Station, protocol: number, payload: Uint8Array): number {
  let sum = payload.length + protocol;
  const add = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
  };
  for (const bytes of [from.address, to.address, payload]) add(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** A frame with an IPv6 packet (RFC 8200 section 3). */
export function ipv6Frame(from: Station, to: Station, protocol: number, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(14 + 40);
  header.set(to.mac, 0);
  header.set(from.mac, 6);
  const view = new DataView(header.buffer);
  view.setUint16(12, 0x86dd);
  view.setUint8(14, 0x60);
  view.setUint16(18, payload.length);
  view.setUint8(20, protocol);
  // 255, which neighbour discovery asks for (RFC 4861 section 7.1.1)
  view.setUint8(21, 255);
  header.set(from.address, 22);
  header.set(to.address, 38);
  return concatenate([header, payload]);
}

function withChecksum(from: Station, to: Station, protocol: number, payload: Uint8Array, at: number): Uint8Array {
  const sum = checksum(from, to, protocol, payload);
  new DataView(payload.buffer).setUint16(at, protocol === protocols.udp && sum === 0 ? 0xffff : sum);
  return ipv6Frame(from, to, protocol, payload);
}

export interface Segment {
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly data?: Uint8Array;
}

/** RFC 9293 section 3.1. */
export function tcpFrame(from: Station, to: Station, segment: Segment): Uint8Array {
  const { fromPort, toPort, sequence, acknowledged, flags, data = new Uint8Array(0) } = segment;
  const payload = new Uint8Array(20 + data.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, fromPort);
  view.setUint16(2, toPort);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledged);
  view.setUint8(12, 5 << 4);
  view.setUint8(13, flags);
  view.setUint16(14, 0xffff);
  payload.set(data, 20);
  return withChecksum(from, to, protocols.tcp, payload, 16);
}

/** RFC 768. */
export function udpFrame(
  from: Station,
  to: Station,
  { fromPort, toPort, data }: { readonly fromPort: number; readonly toPort: number; readonly data: Uint8Array },
): Uint8Array {
  const payload = new Uint8Array(8 + data.length);
  const view = new DataView(payload.buffer);
  view.setUint16(0, fromPort);
  view.setUint16(2, toPort);
  view.setUint16(4, payload.length);
  payload.set(data, 8);
  return withChecksum(from, to, protocols.udp, payload, 6);
}

/** @param message with two bytes of zeros where its checksum goes: RFC 4443 section 2.1 */
export function icmpv6Frame(from: Station, to: Station, message: Uint8Array): Uint8Array {
  return withChecksum(from, to, protocols.icmpv6, Uint8Array.from(message), 2);
}

/** "This address is mine" (RFC 4861 section 4.4), so that answers find their way. */
export function neighbourAdvertisement(from: Station, to: Station): Uint8Array {
  // Solicited and override; option 2: the link-layer address.
  const message = concatenate([
    Uint8Array.of(136, 0, 0, 0, 0x60, 0, 0, 0),
    from.address,
    Uint8Array.of(2, 1),
    from.mac,
  ]);
  return icmpv6Frame(from, to, message);
}

/** What a frame is, as far as a stranger cares. */
export type Packet =
  | { readonly kind: "tcp"; readonly from: Station; readonly to: Station; readonly segment: Required<Segment> }
  | {
    readonly kind: "udp";
    readonly from: Station;
    readonly to: Station;
    readonly fromPort: number;
    readonly toPort: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "icmpv6"; readonly from: Station; readonly to: Station; readonly message: Uint8Array }
  | { readonly kind: "other" };

export function readFrame(frame: Uint8Array): Packet {
  if (frame.length < 54) return { kind: "other" };
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (view.getUint16(12) !== 0x86dd) return { kind: "other" };
  const from = { mac: frame.slice(6, 12), address: frame.slice(22, 38) };
  const to = { mac: frame.slice(0, 6), address: frame.slice(38, 54) };
  // A frame may be filled up to its least length.
  const payload = frame.slice(54, 54 + view.getUint16(18));
  const inside = new DataView(payload.buffer);
  const protocol = view.getUint8(20);
  if (protocol === protocols.tcp && payload.length >= 20) {
    const segment = {
      fromPort: inside.getUint16(0),
      toPort: inside.getUint16(2),
      sequence: inside.getUint32(4),
      acknowledged: inside.getUint32(8),
      flags: inside.getUint8(13),
      data: payload.slice((inside.getUint8(12) >> 4) * 4),
    };
    return { kind: "tcp", from, to, segment };
  }
  if (protocol === protocols.udp && payload.length >= 8) {
    const [fromPort, toPort] = [inside.getUint16(0), inside.getUint16(2)];
    return { kind: "udp", from, to, fromPort, toPort, data: payload.slice(8) };
  }
  if (protocol === protocols.icmpv6 && payload.length >= 4) return { kind: "icmpv6", from, to, message: payload };
  return { kind: "other" };
}
