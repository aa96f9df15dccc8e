/** What the desk does with those who ask for the disk, and with what an agent before it has lent. Pure. */
import { type AfterExport, decideAfterExport } from "../../lib/export/after_export.ts";
import { describeHolders, type Lease, type LeaseRequest, requestLease } from "../../lib/export/lease.ts";
import type { Adoption } from "../../lib/export/transport.ts";
import { howLostEnds } from "./lost_export.ts";

/** Who has the disk. */
export interface Lending {
  readonly lease: Lease;
  /** Why the desktop cannot reach the disk any more, though it may believe that it has it. */
  readonly lostBecause?: string | undefined;
}

export type AdmissionDecision =
  /** What the same machine had before ends first; then there is something to say. */
  | {
    readonly kind: "grant";
    readonly lease: Lease;
    readonly replaced: Lease | undefined;
    readonly say: string | undefined;
  }
  /** @param message for the desktop that asked; @param holder names of those that have the disk */
  | { readonly kind: "refuse"; readonly message: string; readonly holder: string; readonly say: string };

/** @param lendings all that are in force */
export function decideAdmission(lendings: readonly Lending[], request: LeaseRequest): AdmissionDecision {
  const answer = requestLease(lendings.map(({ lease }) => lease), request);
  const { client, isGuest } = request;
  const who = `"${client.name}" (${client.mac})`;
  if (answer.kind === "refused") {
    const lost = lendings.some(({ lease, lostBecause }) => lostBecause !== undefined && answer.holders.includes(lease));
    const why = lost
      ? `; ${howLostEnds}`
      : !answer.holders.every((held) => held.isGuest)
      ? isGuest ? "; what it writes would change the disk under a guest" : ""
      : isGuest
      ? "; that is as many as there can be"
      : "; the disk stays as it is until they have shut down";
    const message = describeHolders(answer.holders) + why;
    const holder = answer.holders.map((held) => held.holder.name).join(", ");
    return { kind: "refuse", message, holder, say: `${who} was refused: ${message}` };
  }
  const { lease, replaced } = answer;
  if (replaced === undefined) return { kind: "grant", lease, replaced, say: undefined };
  return { kind: "grant", lease, replaced, say: `${who} starts again: its earlier session is over` };
}

export type AdoptionDecision =
  /** The export goes on: it is watched. */
  | { readonly kind: "watch"; readonly say: string }
  /** The disk stays lent: the desktop may believe that it has it. */
  | { readonly kind: "stay-lent"; readonly reason: string; readonly say: string }
  /** @param isDone the desktop said goodbye meanwhile */
  | { readonly kind: "clear"; readonly isDone: boolean; readonly say: string };

/** Of an export that an agent before this one has started. */
export function decideAdoption(
  { holder, isGuest }: Lease,
  adoption: { readonly kind: "running" } | Extract<Adoption, { readonly kind: "over" }>,
): AdoptionDecision {
  if (adoption.kind === "running") {
    return {
      kind: "watch",
      say: `"${holder.name}" (${holder.mac}) has the disk; the agent before this one had lent it`,
    };
  }
  const say = `"${holder.name}" had the disk; its export ended while no agent ran`;
  const after: AfterExport = decideAfterExport(adoption.end, { isGuest: isGuest === true });
  if (after.kind === "stay-lent") return { kind: "stay-lent", reason: after.reason, say };
  return { kind: "clear", isDone: after.kind === "free" && after.isDone, say };
}

/**
 * Whether what is known of an export stays written down when the agent ends: its desktop may believe that it has the
 * disk, and an agent that is started in place of this one must know.
 */
export function keepsNotes(
  { lostBecause, mayBeHeld }: {
    readonly lostBecause: string | undefined;
    /** The transport's own word, for an export that runs; false without one. */
    readonly mayBeHeld: boolean;
  },
): boolean {
  return lostBecause !== undefined || mayBeHeld;
}
