/** How the desktop will reach the disk: addresses, export name, sizes. Pure. */
import type { Engine, EngineSecret } from "../formats/engine.ts";
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { HelloMessage } from "../protocol/boot_exchange.ts";
import { type ExportSettings, transportOf } from "./export.ts";
import { type TransportName, transportNames } from "./needs.ts";
import type { Ends } from "./transport.ts";
import { ethernetMtu, planTunnel, type TunnelInputs, type TunnelSettings } from "./tunnel/plan_tunnel.ts";
import { KEY_BYTES } from "../protocol/primitives.ts";
import { snapshotPath, type SnapshotSettings } from "./snapshot/snapshot.ts";
import { uniqueLocalPrefix, uniqueLocalPrefixBytes } from "./unique_local_prefix.ts";
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
  /** To make before the export, which lends it in place of the disk. */
  readonly snapshot?: SnapshotSettings;
  /** To raise before the export, which listens inside it alone. */
  readonly tunnel?: TunnelSettings;
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
  /** Of the laptop's link that the client came by; absent: that of Ethernet. */
  readonly laptopMtu?: number | undefined;
  readonly disk: DiskReport;
  readonly transport: TransportName;
  /** Random, {@link SESSION_RANDOM_BYTES}. */
  readonly random: Uint8Array;
  /** Present: this lends the disk, and the laptop does not. */
  readonly engine?: Engine;
  readonly secret?: EngineSecret | undefined;
  /** Present: the disk's blocks go through a tunnel. */
  readonly tunnel?: Pick<TunnelInputs, "keys" | "presharedKey" | "random">;
  /** Number of the session among those at the same time: 0 for a desktop that writes, else that of the guest. */
  readonly slot?: number;
  /** Present for a guest: how much it may write. */
  readonly storeBytes?: number;
}

/** A placeholder: neither end has its private half. */
const noKey = "00".repeat(KEY_BYTES);
const snapshotNameBytes = 8;
/** For the network prefix, a snapshot, and what the transport makes of the rest: names and keys of the session. */
export const SESSION_RANDOM_BYTES = uniqueLocalPrefixBytes + snapshotNameBytes +
  Math.max(...transportNames.map((name) => transportOf(name).randomBytes));

/**
 * A client that has no tunnel in its hello gets a plan with one nevertheless: `findNotTaken` tells so.
 * @throws {Error} when the client came by address and did not say its own
 */
export function planSession(inputs: SessionInputs): SessionPlan {
  const { hello, arrival, transport, random, slot = 0, engine, secret } = inputs;
  const ends = planEnds(inputs);
  const peerPublicKey = hello.tunnel?.publicKey ?? noKey;
  const tunnel = inputs.tunnel === undefined ? undefined : planTunnel({ ends, peerPublicKey, slot, ...inputs.tunnel });
  const inside = tunnel?.ends ?? ends;
  const snapshot = planSnapshot(inputs);
  const disk = snapshot === undefined ? inputs.disk : { ...inputs.disk, path: snapshotPath(snapshot.name) };
  const { parameters, settings } = transportOf(transport).plan({
    ends: inside,
    disk,
    random,
    slot,
    ...engine === undefined ? {} : { engine },
  });
  return {
    session: {
      version: SESSION_VERSION,
      link: {
        mac: hello.link.mac,
        ...(hello.link.vlan === undefined ? {} : { vlan: hello.link.vlan }),
        name: STIEFEL_LINK_NAME,
        address: ends.clientAddress,
        ...(ends.gateway === undefined ? {} : { gateway: ends.gateway }),
        ...(ends.mtu === undefined ? {} : { mtu: ends.mtu }),
      },
      ...(tunnel === undefined ? {} : { tunnel: tunnel.group }),
      disk: parameters,
      ...(snapshot === undefined ? {} : { mode: { kind: "try", guest: slot } }),
      ...(secret === undefined ? {} : { secret }),
    },
    ...(snapshot === undefined ? {} : { snapshot }),
    exportSettings: tunnel === undefined ? settings : { ...settings, namespace: tunnel.settings.namespace },
    ...(tunnel === undefined ? {} : { tunnel: tunnel.settings }),
    ...(arrival.kind !== "link" || engine !== undefined ? {} : {
      linkAddress: {
        link: arrival.link,
        address: `${ends.serverAddress}/64`,
        neighbour: { address: ends.allowAddress, mac: hello.link.mac },
      },
    }),
  };
}

function planSnapshot({ disk, random, storeBytes }: SessionInputs): SnapshotSettings | undefined {
  if (storeBytes === undefined) return undefined;
  const name = random.subarray(-uniqueLocalPrefixBytes - snapshotNameBytes, -uniqueLocalPrefixBytes).toHex();
  return { name: `stiefel-try-${name}`, disk: disk.path, blockSizeBytes: disk.logicalBlockSize, storeBytes };
}

/** What both ends of the way take, where it is not what every link takes. */
function planMtu({ hello, laptopMtu = ethernetMtu }: SessionInputs): { readonly mtu?: number } {
  const { mtu = ethernetMtu } = hello.link;
  const common = mtu > ethernetMtu ? Math.max(ethernetMtu, Math.min(mtu, laptopMtu)) : mtu;
  return common === ethernetMtu ? {} : { mtu: common };
}

function planEnds(inputs: SessionInputs): Ends {
  const { hello, arrival, random, engine } = inputs;
  if (engine !== undefined) {
    const { addresses: [serverAddress = ""], desktop, gateway, mtu } = engine;
    return { serverAddress, clientAddress: desktop, allowAddress: desktop.replace(/\/.*$/, ""), gateway, mtu };
  }
  if (arrival.kind === "link") {
    const prefix = uniqueLocalPrefix(random.subarray(-uniqueLocalPrefixBytes));
    const [serverAddress, allowAddress] = [`${prefix}::1`, `${prefix}::2`];
    return { serverAddress, clientAddress: `${allowAddress}/64`, allowAddress, ...planMtu(inputs) };
  }
  const { localAddress: serverAddress, remoteAddress: allowAddress } = arrival;
  const { address: clientAddress, gateway } = hello.link;
  if (clientAddress === undefined) throw new Error("The client came by address and did not send its own");
  return { serverAddress, clientAddress, allowAddress, gateway, ...planMtu(inputs) };
}
