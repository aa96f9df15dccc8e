/** What one desktop has of the disk: its lease, its export, and how both end. */
import type { ExportState } from "../../lib/export/export_state.ts";
import type { Lease } from "../../lib/export/lease.ts";
import type { StoreLevel } from "../../lib/export/snapshot/plan_store.ts";
import type { TransportName } from "../../lib/export/needs.ts";
import type { SessionPlan } from "../../lib/export/session_plan.ts";
import type { RunningExport } from "../../lib/export/transport.ts";
import type { LinkAddress } from "./session_address.ts";

/**
 * A client's hold on the disk. It ends by `release`, by the end of its export, or by the same machine asking again.
 */
export interface Ticket {
  readonly lease: Lease;
  /** Number of the session: 0 for a desktop that writes, else that of the guest. */
  readonly slot: number;
  /** Aborts when the same machine starts a new exchange. */
  readonly replaced: AbortSignal;
}

export interface Holding extends Ticket {
  readonly controller: AbortController;
  /** Resolves when the exchange has let go of the disk. */
  readonly exchangeOver: Promise<void>;
  /** Known as soon as an export is written down. */
  transport?: TransportName;
  running?: RunningExport;
  /** Of the memory, for a guest. */
  promisedBytes: number;
  /** What the desktop's connection goes to. */
  linkAddress: LinkAddress | undefined;
  /** Of the export, as soon as there is one. */
  lending?: Lending;
  /**
   * Why the desktop cannot reach the disk any more, though it may believe that it has it: no other desktop gets it.
   */
  lostBecause?: string;
  /** What to undo when it ends. */
  readonly cleanup: AsyncDisposableStack;
  /** Resolves when all of it has ended; absent before that begins, and after it failed. */
  ending?: Promise<void> | undefined;
}

/** What every session begins with. */
export function startHolding(lease: Lease, slot: number, exchangeOver: Promise<void>): Holding {
  const controller = new AbortController();
  return {
    ...{ lease, slot, exchangeOver, controller, promisedBytes: 0 },
    replaced: controller.signal,
    linkAddress: undefined,
    cleanup: new AsyncDisposableStack(),
  };
}

/** What is lent, for people. */
export interface Lending {
  readonly lease: Lease;
  readonly transport: TransportName;
  readonly isEncrypted: boolean;
  /** What only the two machines of this session know, for a wish of the laptop; absent without a tunnel. */
  readonly tunnelKey?: string;
  /** From which the desktop asks for the status: its own in this session. */
  readonly desktopAddress: string;
  /** The link, and the laptop's address on it in this session. Absent where the desktop has come by an address. */
  readonly linkName?: string;
  readonly linkAddress?: string;
  /** Path of the disk: also of a guest, who gets a snapshot of it. */
  readonly disk: string;
  /** Of a guest: how much of what it may change it has changed. */
  readonly store?: StoreLevel;
  readonly isConnected: boolean;
}

/** The first number that no other guest has. */
export function findSlot(others: readonly Holding[]): number {
  let slot = 1;
  while (others.some((holding) => holding.slot === slot)) slot++;
  return slot;
}

export function stateOf(
  lease: Lease,
  { exportSettings, linkAddress, tunnel, session, snapshot }: SessionPlan,
): ExportState {
  const publicKey = session.tunnel?.publicKey;
  const { transport, disk, exportName } = exportSettings;
  return {
    version: 1,
    lease,
    transport,
    disk,
    exportName,
    ...(linkAddress === undefined ? {} : { linkAddress }),
    ...(tunnel === undefined ? {} : {
      tunnel: {
        namespace: tunnel.namespace,
        name: tunnel.name,
        ...(publicKey === undefined ? {} : { publicKey }),
      },
    }),
    ...(snapshot === undefined
      ? {}
      : { snapshot: { name: snapshot.name, disk: snapshot.disk, storeBytes: snapshot.storeBytes } }),
    wasUsed: false,
  };
}

/** An export that is adopted was in use, unless its log tells otherwise. */
export function lendingOf({ lease, transport, tunnel, linkAddress, disk, snapshot, wasUsed }: ExportState): Lending {
  return {
    lease,
    transport,
    isEncrypted: tunnel !== undefined,
    ...tunnel?.publicKey === undefined ? {} : { tunnelKey: tunnel.publicKey },
    desktopAddress: linkAddress?.neighbour?.address ?? lease.holder.address,
    ...linkAddress === undefined
      ? {}
      : { linkName: linkAddress.link, linkAddress: linkAddress.address.replace(/\/\d+$/, "") },
    disk: snapshot?.disk ?? disk,
    ...snapshot === undefined ? {} : { store: { usedBytes: 0, sizeBytes: snapshot.storeBytes, isFull: false } },
    isConnected: wasUsed,
  };
}

/** Waits for the end also where another one has begun it. */
export function endHolding(holding: Holding): Promise<void> {
  return holding.ending ??= endOnce(holding).catch((error) => {
    holding.ending = undefined;
    throw error;
  });
}

async function endOnce(holding: Holding): Promise<void> {
  holding.controller.abort(new Error("The same machine has started a new exchange"));
  await holding.exchangeOver;
  await holding.running?.stop();
  // What is taken away now must not be given back.
  holding.linkAddress = undefined;
  await holding.cleanup.disposeAsync();
}
