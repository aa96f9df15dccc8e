/**
 * Who may use the disk: one client that writes, or guests, whose writes are thrown away (try mode). Two systems writing
 * to one file system destroy it, and under a guest the disk must stay as it is. Pure.
 */
import { maximumGuests } from "../protocol/session_groups.ts";

export interface LeaseClient {
  /** Of the link the client asks on. */
  readonly mac: string;
  /** What the machine is, whatever link it asks on (lib/formats/machine_identity.ts); absent where nothing tells. */
  readonly machine?: string;
  /** What people call it. */
  readonly name: string;
  readonly address: string;
}

export interface Lease {
  readonly holder: LeaseClient;
  /** Wall clock. */
  readonly sinceMs: number;
  /** Its writes go to a store in memory; absent: it writes to the disk. */
  readonly isGuest?: true;
}

/** What a client asks for. */
export interface LeaseRequest {
  readonly client: LeaseClient;
  readonly isGuest: boolean;
  readonly nowMs: number;
}

export type LeaseAnswer =
  | {
    readonly kind: "granted";
    readonly lease: Lease;
    /** The same machine held it already and started anew: end what it had before handing out the disk again. */
    readonly replaced?: Lease;
  }
  /** @param holders what stands against it, one at least */
  | { readonly kind: "refused"; readonly holders: readonly Lease[] };

/**
 * A machine that asks again has lost what it had (power cut, reset, failed boot), so it takes over from itself; any
 * other one is refused, but for a guest among guests.
 * @param current the leases in force
 */
export function requestLease(current: readonly Lease[], { client, isGuest, nowMs }: LeaseRequest): LeaseAnswer {
  const holder = { ...client, mac: client.mac.toLowerCase() };
  const lease: Lease = { holder, sinceMs: nowMs, ...isGuest ? { isGuest } : {} };
  const replaced = current.find((held) => isSameMachine(held.holder, holder));
  const others = current.filter((held) => held !== replaced);
  const mayJoin = isGuest && others.every((held) => held.isGuest) && others.length < maximumGuests;
  if (others.length > 0 && !mayJoin) return { kind: "refused", holders: others };
  return { kind: "granted", lease, ...replaced === undefined ? {} : { replaced } };
}

/**
 * By what the machines say that they are; a MAC address may have come with a dock or an adapter from another machine,
 * and counts only between two that have nothing better.
 */
function isSameMachine(one: LeaseClient, other: LeaseClient): boolean {
  if (one.machine !== undefined || other.machine !== undefined) return one.machine === other.machine;
  return one.mac === other.mac;
}

/** '"desk" (aa:bb:cc:dd:ee:ff) has had the disk since …' for the one who was refused. */
export function describeHolders(holders: readonly Lease[]): string {
  return holders.map(({ holder: { name, mac }, sinceMs, isGuest }) => {
    const verb = isGuest ? "has been trying the laptop's system" : "has had the disk";
    return `"${name}" (${mac}) ${verb} since ${new Date(sinceMs).toISOString().slice(0, 16)}Z`;
  }).join(", and ");
}
