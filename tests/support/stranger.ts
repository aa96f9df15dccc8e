/** A machine on a cable that has no key: what it has heard, what it sends, and what comes back to it. */

import { encodeUtf8 } from "../../lib/formats/text.ts";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { STATUS_PORT } from "../../lib/formats/status.ts";
import type { System } from "../../lib/system/system.ts";
import {
  icmpv6Frame,
  ipv6Frame,
  neighbourAdvertisement,
  parseIpv6,
  parseMac,
  readFrame,
  type Station,
  tcpFlags,
  tcpFrame,
  udpFrame,
} from "./packets.ts";
import type { RelayCable } from "./relay_cable.ts";
import { createSeededRandom } from "./seeded_random.ts";

const wireguardPort = 51820;
const [laptopEnd, desktopEnd] = [0, 1] as const;

/** What everybody on the cable can know. */
export interface Heard {
  /** By the addresses of the session. */
  readonly laptop: Station;
  readonly desktop: Station;
  /** By its link-local address. */
  readonly laptopOnLink: Station;
  /** Datagrams of discovery and of WireGuard, to be sent once more. */
  readonly discovery: readonly Uint8Array[];
  readonly wireguard: readonly Uint8Array[];
  /** The first bytes of a boot exchange, as the desktop has sent them. */
  readonly opening: Uint8Array;
  /** Whole frames of both. */
  readonly frames: readonly Uint8Array[];
}

/** @throws {Error} when something was not heard */
export function learn(frames: readonly Uint8Array[]): Heard {
  let [laptop, desktop, laptopOnLink]: (Station | undefined)[] = [];
  let first: Uint8Array | undefined;
  const [discovery, wireguard]: [Uint8Array[], Uint8Array[]] = [[], []];
  for (const frame of frames) {
    const packet = readFrame(frame);
    if (packet.kind === "udp" && packet.toPort === wireguardPort) [laptop, desktop] = [packet.to, packet.from];
    if (packet.kind === "udp" && (packet.toPort === wireguardPort || packet.fromPort === wireguardPort)) {
      if (wireguard.length < 500) wireguard.push(packet.data);
    }
    if (packet.kind === "udp" && packet.toPort === DISCOVERY_PORT && discovery.length < 500) {
      discovery.push(packet.data);
    }
    if (packet.kind === "tcp" && packet.segment.toPort === BOOT_EXCHANGE_PORT) {
      laptopOnLink = packet.to;
      if (packet.segment.data.length > 0) first ??= packet.segment.data;
    }
  }
  if (laptop === undefined || desktop === undefined || laptopOnLink === undefined || first === undefined) {
    throw new Error("The cable was not heard: no boot exchange, or no tunnel");
  }
  const step = Math.max(1, Math.floor(frames.length / 5_000));
  return {
    laptop,
    desktop,
    laptopOnLink,
    discovery,
    wireguard,
    opening: first,
    frames: frames.filter((_, index) => index % step === 0),
  };
}

interface Conversation {
  /** "laptop 4644" */
  readonly place: string;
  bytes: number;
  text: string;
}

interface Account {
  readonly sent: number;
  /** Questions of discovery among them. */
  readonly asked: number;
  /** Ports that take connections. */
  readonly opened: ReadonlySet<string>;
  readonly conversations: readonly Conversation[];
  /** What came back by UDP. */
  readonly datagrams: readonly { readonly place: string; readonly bytes: number }[];
  readonly resets: number;
  /** Of ICMPv6, but for questions after our own address. */
  readonly errors: number;
}

const mac = parseMac("52:54:00:66:66:66");
/** Router advertisement, redirect, echo request, neighbour advertisement (RFC 4861 section 4, RFC 4443 section 4). */
const icmpTypes = [134, 137, 128, 136] as const;

export class Stranger {
  readonly #cable: RelayCable;
  readonly #heard: Heard;
  readonly #random = createSeededRandom(0x57a6);
  readonly #onLink: Station;
  readonly #inSession: Station;
  readonly #conversations = new Map<number, Conversation & { readonly data: Uint8Array }>();
  readonly #opened = new Set<string>();
  readonly #datagrams: { readonly place: string; readonly bytes: number }[] = [];
  #portNumber = 0;
  #sent = 0;
  #asked = 0;
  #resets = 0;
  #errors = 0;
  #nextPort = 20_000;

  constructor(cable: RelayCable, heard: Heard) {
    this.#cable = cable;
    this.#heard = heard;
    this.#onLink = { mac, address: parseIpv6("fe80::6666") };
    const address = heard.laptop.address.slice();
    address.set([0x66, 0x66], 14);
    this.#inSession = { mac, address };
  }

  account(): Account {
    return {
      sent: this.#sent,
      asked: this.#asked,
      opened: this.#opened,
      conversations: [...this.#conversations.values()],
      datagrams: this.#datagrams,
      resets: this.#resets,
      errors: this.#errors,
    };
  }

  /** Sends so many packets in so long a time, evenly. */
  async work(system: System, count: number, durationMs: number): Promise<void> {
    const startMs = system.monotonicMs();
    for (let done = 0; done < count;) {
      const due = Math.min(count, Math.ceil((system.monotonicMs() - startMs) / durationMs * count));
      for (; done < due; done++) await this.#sendNext();
      await system.delay(5);
    }
  }

  /** Begins so many connections to each open port, and says something else in each. */
  async talk(system: System, count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      for (const port of [BOOT_EXCHANGE_PORT, STATUS_PORT]) {
        this.#connect(port, number % 2 === 0 ? this.#heard.laptopOnLink : this.#heard.laptop);
      }
      await system.delay(20);
    }
    await system.delay(5_000);
  }

  /** What comes by the cable. */
  hear(frame: Uint8Array): void {
    const packet = readFrame(frame);
    if (packet.kind === "icmpv6" && packet.message[0] === 135) {
      return this.#answerNeighbour(packet.from, packet.message);
    }
    if (packet.kind === "other" || packet.to.mac.some((byte, index) => byte !== mac[index])) return;
    const { kind, from } = packet;
    if (kind === "icmpv6") this.#errors++;
    if (kind === "udp") {
      this.#datagrams.push({ place: this.#placeOf(from, packet.fromPort), bytes: packet.data.length });
    }
    if (kind !== "tcp") return;
    const { segment, to } = packet;
    if (segment.flags & tcpFlags.rst) {
      this.#resets++;
      return;
    }
    const place = this.#placeOf(from, segment.fromPort);
    if (segment.flags & tcpFlags.syn) this.#opened.add(place);
    const conversation = this.#conversations.get(segment.toPort);
    const length = segment.data.length + (segment.flags & (tcpFlags.syn | tcpFlags.fin) ? 1 : 0);
    if (conversation === undefined || length === 0) return;
    conversation.bytes += segment.data.length;
    conversation.text ||= new TextDecoder("latin1").decode(segment.data);
    const ports = { fromPort: segment.toPort, toPort: segment.fromPort };
    const acknowledged = segment.sequence + length;
    const isFirst = (segment.flags & tcpFlags.syn) !== 0;
    const flags = tcpFlags.ack | (isFirst ? tcpFlags.psh : 0);
    const data = isFirst ? conversation.data : new Uint8Array(0);
    this.#send(from, tcpFrame(to, from, { ...ports, sequence: segment.acknowledged, acknowledged, flags, data }));
  }

  #placeOf(station: Station, port: number): string {
    const isLaptop = station.mac.every((byte, index) => byte === this.#heard.laptop.mac[index]);
    return `${isLaptop ? "laptop" : "desktop"} ${port}`;
  }

  #answerNeighbour(from: Station, message: Uint8Array): void {
    const wanted = message.subarray(8, 24);
    for (const own of [this.#onLink, this.#inSession]) {
      if (own.address.every((byte, index) => byte === wanted[index])) {
        this.#send(from, neighbourAdvertisement(own, from));
      }
    }
  }

  #send(to: Station, frame: Uint8Array): void {
    this.#sent++;
    const isLaptop = to.mac.every((byte, index) => byte === this.#heard.laptop.mac[index]);
    void this.#cable.inject(isLaptop ? laptopEnd : desktopEnd, frame);
  }

  #ownFor(to: Station): Station {
    return to.address[0] === 0xfe ? this.#onLink : this.#inSession;
  }

  /** Every port of the laptop by TCP, one after the other; the rest of all kinds. */
  async #sendNext(): Promise<void> {
    const number = this.#sent;
    const to = this.#random.pick([this.#heard.laptop, this.#heard.laptopOnLink, this.#heard.desktop]);
    const kind = this.#random.below(100);
    if (kind < 67) {
      this.#portNumber = (this.#portNumber + 1) % 0x10000;
      this.#sendSegment(number % 2 === 0 ? this.#heard.laptopOnLink : this.#heard.laptop, this.#portNumber);
    } else if (kind < 76) {
      this.#sendSegment(this.#heard.desktop, 1 + this.#random.below(0xffff));
    } else if (kind < 86) {
      this.#sendDatagram(to);
    } else if (kind < 90) {
      // As it was, sender and all.
      const frame = this.#random.pick(this.#heard.frames);
      this.#sent++;
      await this.#cable.inject(laptopEnd, frame);
      await this.#cable.inject(desktopEnd, frame);
    } else if (kind < 95) {
      const type = this.#random.pick(icmpTypes);
      const claimed = type === 136
        ? this.#random.pick([this.#heard.laptop, this.#heard.desktop]).address
        : this.#random.bytes(16);
      // A neighbour that says to be the other one.
      const message = [type, 0, 0, 0, ...this.#random.bytes(4), ...claimed, 2, 1, ...mac];
      this.#send(to, icmpv6Frame(this.#ownFor(to), to, Uint8Array.from(message)));
    } else {
      this.#send(
        to,
        ipv6Frame(this.#ownFor(to), to, this.#random.below(256), this.#random.bytes(this.#random.below(1400))),
      );
    }
  }

  #sendSegment(to: Station, toPort: number): void {
    const numbers = { sequence: this.#random.below(2 ** 31), acknowledged: 0 };
    const flags = this.#random.below(20) > 0 ? tcpFlags.syn : this.#random.below(64);
    this.#send(
      to,
      tcpFrame(this.#ownFor(to), to, { fromPort: 1024 + this.#random.below(9_000), toPort, ...numbers, flags }),
    );
  }

  #sendDatagram(to: Station): void {
    const toPort = this.#random.pick([
      DISCOVERY_PORT,
      wireguardPort,
      4420,
      10809,
      1 + this.#random.below(0xffff),
      1 + this.#random.below(0xffff),
    ]);
    let data: Uint8Array = this.#random.bytes(this.#random.below(1200));
    if (toPort === DISCOVERY_PORT) {
      this.#asked++;
      if (this.#random.below(2) === 0 && this.#heard.discovery.length > 0) {
        data = this.#random.pick(this.#heard.discovery);
      }
    }
    if (toPort === wireguardPort) {
      data = this.#random.below(2) === 0
        ? this.#random.pick(this.#heard.wireguard)
        : Uint8Array.of(1 + this.#random.below(4), 0, 0, 0, ...data);
    }
    this.#send(to, udpFrame(this.#ownFor(to), to, { fromPort: 30_000, toPort, data }));
  }

  #connect(port: number, to: Station): void {
    const fromPort = this.#nextPort++;
    const openings = [
      this.#heard.opening,
      this.#heard.opening.slice(0, 20),
      this.#random.bytes(100),
      this.#random.bytes(1400),
    ];
    const data = port === STATUS_PORT ? encodeUtf8("GET / HTTP/1.0\r\n\r\n") : this.#random.pick(openings);
    this.#conversations.set(fromPort, { place: `laptop ${port}`, bytes: 0, text: "", data });
    const segment = {
      fromPort,
      toPort: port,
      sequence: this.#random.below(2 ** 31),
      acknowledged: 0,
      flags: tcpFlags.syn,
    };
    this.#send(to, tcpFrame(this.#ownFor(to), to, segment));
  }
}
