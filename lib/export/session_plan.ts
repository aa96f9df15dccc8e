/** How the desktop will reach the disk: addresses, export name, sizes. Pure. */
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { HelloMessage } from "../protocol/boot_exchange.ts";
import { type ExportSettings, transportOf } from "./export.ts";
import { defaultTransport } from "./needs.ts";
import type { Ends } from "./transport.ts";
import { STIEFEL_LINK_NAME } from "../protocol/session.ts";
import { SESSION_VERSION, type SessionParameters } from "../protocol/session_groups.ts";

/** How the client came to us. */
export type Arrival =
  /** By discovery or a link-local address: both sides get an address made for this session on that link. */
  | { readonly kind: "link"; readonly link: string }
  /** By one of our addresses: both sides keep theirs. */
  | { readonly kind: "address"; readonly localAddress: string; readonly remoteAddress: string };

export interface SessionPlan {
  readonly session: SessionParameters;
  readonly exportSettings: ExportSettings;
  /** An address to add to a link of ours before the export, and to take away after it. */
  readonly linkAddress?: {
    readonly link: string;
    readonly address: string;
    /** The desktop's end, to be known for good: its address is asked for no more. */
    readonly neighbour: { readonly address: string; readonly mac: string };
  };
}

export interface SessionInputs {
  readonly hello: HelloMessage;
  readonly arrival: Arrival;
  readonly disk: DiskReport;
  /** Random, {@link SESSION_RANDOM_BYTES}. */
  readonly random: Uint8Array;
}

const prefixBytes = 7;
/** For the network prefix, and for what the transport makes of the rest: names and keys of the session. */
export const SESSION_RANDOM_BYTES = prefixBytes + transportOf(defaultTransport).randomBytes;

/** @throws {Error} when the client came by address and did not say its own */
export function planSession(inputs: SessionInputs): SessionPlan {
  const { hello, arrival, disk, random } = inputs;
  const ends = planEnds(inputs);
  const { parameters, settings } = transportOf(defaultTransport).plan({ ends, disk, random });
  return {
    session: {
      version: SESSION_VERSION,
      link: {
        mac: hello.link.mac,
        name: STIEFEL_LINK_NAME,
        address: ends.clientAddress,
        ...(ends.gateway === undefined ? {} : { gateway: ends.gateway }),
        ...(ends.mtu === undefined ? {} : { mtu: ends.mtu }),
      },
      disk: parameters,
    },
    exportSettings: settings,
    ...(arrival.kind !== "link" ? {} : {
      linkAddress: {
        link: arrival.link,
        address: `${ends.serverAddress}/64`,
        neighbour: { address: ends.allowAddress, mac: hello.link.mac },
      },
    }),
  };
}

function planEnds({ hello, arrival, random }: SessionInputs): Ends {
  if (arrival.kind === "link") {
    const prefix = uniqueLocalPrefix(random.subarray(-prefixBytes));
    return { serverAddress: `${prefix}::1`, clientAddress: `${prefix}::2/64`, allowAddress: `${prefix}::2` };
  }
  const { localAddress: serverAddress, remoteAddress: allowAddress } = arrival;
  const { address: clientAddress, gateway, mtu } = hello.link;
  if (clientAddress === undefined) throw new Error("The client came by address and did not say its own");
  return { serverAddress, clientAddress, allowAddress, gateway, mtu };
}

/**
 * A random /64 of fd00::/8: RFC 4193 section 3.2, the subnet random as well. Groups are never zero, so that the text
 * has one form.
 */
function uniqueLocalPrefix(random: Uint8Array): string {
  const bytes = [0xfd, ...random];
  const groups = [0, 2, 4, 6].map((index) => (bytes[index] ?? 0) << 8 | (bytes[index + 1] ?? 0));
  return groups.map((group) => Math.max(1, group).toString(16)).join(":");
}
