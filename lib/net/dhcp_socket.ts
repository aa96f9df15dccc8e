/**
 * Asking for DHCP servers. A broadcast leaves by the link that has the sender's address (Linux' net/ipv4/route.c,
 * ip_route_output_key_hash_rcu), so each link has a socket of its own to ask with. Answers come to one socket for all
 * of them, and are told apart by the number of the question.
 */
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, parseDhcpAnswer } from "../formats/dhcp_message.ts";

const broadcast = "255.255.255.255";

/**
 * Hears what DHCP servers send to machines without an address, on all links, until the signal aborts.
 * Needs `--unstable-net`, `--allow-net` and root.
 * @throws {Deno.errors.AddrInUse} when another program has the port
 */
export async function hearDhcpAnswers(
  { signal, onAnswer }: {
    readonly signal: AbortSignal;
    readonly onAnswer: (answer: { readonly transactionId: number; readonly server: string }) => void;
  },
): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: broadcast, port: DHCP_CLIENT_PORT });
  const close = (): void => socket.close();
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  try {
    while (!signal.aborted) {
      const [bytes] = await socket.receive();
      const answer = parseDhcpAnswer(bytes);
      if (answer !== undefined) onAnswer(answer);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) close();
  }
}

export interface DhcpQuestion extends Disposable {
  /** @throws {Deno.errors} as the kernel gives them, e.g. when the link is down */
  send(bytes: Uint8Array): Promise<void>;
}

/** @param address ours on the link, IPv4. @throws {Deno.errors.AddrNotAvailable} when it is not ours (yet) */
export function openDhcpQuestion(address: string): DhcpQuestion {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: address, port: DHCP_CLIENT_PORT });
  return {
    send: async (bytes) => {
      await socket.send(bytes, { transport: "udp", hostname: broadcast, port: DHCP_SERVER_PORT });
    },
    [Symbol.dispose]: () => socket.close(),
  };
}
