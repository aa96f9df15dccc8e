/** Who may use the disk: one client at a time. Two systems writing to one file system destroy it. Pure. */

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
}

export type LeaseAnswer =
  | {
    readonly kind: "granted";
    readonly lease: Lease;
    /** The same machine held it already and started anew: end what it had before handing out the disk again. */
    readonly replaced?: Lease;
  }
  | { readonly kind: "refused"; readonly holder: LeaseClient; readonly sinceMs: number };

/**
 * A machine that asks again has lost what it had (power cut, reset, failed boot), so it takes over from itself; any
 * other one is refused.
 * @param current the lease in force, undefined when there is none
 */
export function requestLease(current: Lease | undefined, client: LeaseClient, nowMs: number): LeaseAnswer {
  const lease = { holder: { ...client, mac: client.mac.toLowerCase() }, sinceMs: nowMs };
  if (current === undefined) return { kind: "granted", lease };
  if (isSameMachine(current.holder, lease.holder)) return { kind: "granted", lease, replaced: current };
  return { kind: "refused", holder: current.holder, sinceMs: current.sinceMs };
}

/**
 * By what the machines say that they are; a MAC address may have come with a dock or an adapter from another machine,
 * and counts only between two that have nothing better.
 */
function isSameMachine(one: LeaseClient, other: LeaseClient): boolean {
  if (one.machine !== undefined || other.machine !== undefined) return one.machine === other.machine;
  return one.mac === other.mac;
}

/** "desk (aa:bb:cc:dd:ee:ff) has the disk since …" for the one who was refused. */
export function describeHolder(answer: { readonly holder: LeaseClient; readonly sinceMs: number }): string {
  const { name, mac } = answer.holder;
  return `"${name}" (${mac}) has had the disk since ${new Date(answer.sinceMs).toISOString().slice(0, 16)}Z`;
}
