/**
 * UDP over one link. Each link has its own socket: the address a datagram came from is reported without a scope, so
 * the socket itself is what tells the link.
 *
 * Seen with Deno 2.9.6 on Linux: a socket bound to `ff02::1%link` receives what is sent to the group on that link
 * only, and what it sends leaves from the link-local address of that link, so one socket both hears questions and
 * answers them. A socket bound to `fe80::x%link` receives unicast only, and may send to the group: the one for asking.
 */
import { withScope } from "./address.ts";

/** Discovery messages are far smaller; a longer datagram arrives cut off and is refused by its parser. */
const maximumDatagramBytes = 2048;

export interface Datagram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Without a scope. */
  readonly address: string;
  readonly port: number;
}

export interface DatagramLink extends Disposable {
  readonly link: string;
  readonly port: number;
  /**
   * @throws {Deno.errors} as the kernel gives them, e.g. when the link is down or its address is still being checked
   */
  send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): Promise<void>;
  /** The next datagram, or undefined once the link is closed. */
  receive(): Promise<Datagram | undefined>;
  close(): void;
}

export interface DatagramLinkOptions {
  readonly link: string;
  readonly index: number;
  /** Hear what is sent to this multicast group on the link. */
  readonly group?: string;
  /** Without a group: our own address on the link. */
  readonly address?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

/**
 * Opens a UDP socket on one link.
 * Needs `--unstable-net` and `--allow-net`.
 * @throws {Deno.errors.AddrNotAvailable} when the link has no such address (yet): a new one is being checked for a
 *   second
 * @throws {Deno.errors.AddrInUse} when another program has the port
 */
export async function openDatagramLink(options: DatagramLinkOptions): Promise<DatagramLink> {
  const { link, index, group } = options;
  const hostname = withScope(group ?? options.address ?? "::", link);
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: options.port });
  try {
    if (group !== undefined) await socket.joinMulticastV6(group, index);
  } catch (error) {
    socket.close();
    throw error;
  }
  return new DenoDatagramLink(link, socket);
}

class DenoDatagramLink implements DatagramLink {
  readonly link: string;
  readonly port: number;
  readonly #socket: Deno.DatagramConn;
  readonly #buffer = new Uint8Array(maximumDatagramBytes);
  #isClosed = false;

  constructor(link: string, socket: Deno.DatagramConn) {
    this.link = link;
    this.#socket = socket;
    this.port = (socket.addr as Deno.NetAddr).port;
  }

  async send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): Promise<void> {
    await this.#socket.send(bytes, { transport: "udp", hostname: withScope(to.address, this.link), port: to.port });
  }

  async receive(): Promise<Datagram | undefined> {
    while (!this.#isClosed) {
      try {
        const [bytes, from] = await this.#socket.receive(this.#buffer);
        const { hostname, port } = from as Deno.NetAddr;
        return { bytes: bytes.slice(), address: hostname, port };
      } catch (error) {
        if (this.#isClosed) return undefined;
        // An ICMP "port unreachable" for something we sent is reported at the next receive; it is no reason to stop
        // listening.
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
    }
    return undefined;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
