/**
 * What a desktop makes of the answers to its questions: facts in, deeds out. agents/client/search.ts asks and carries
 * out. Pure.
 */
import { withScope } from "../../lib/net/address.ts";
import type { OfferMessage, SearchFinding } from "../../lib/protocol/discovery_search.ts";
import { type AskedLaptop, mayAsk } from "./asked_laptop.ts";

export interface FoundServer {
  readonly name: string;
  /** With the scope of the link it was found on. */
  readonly host: string;
  readonly port: number;
  /** MAC address of the link. */
  readonly mac: string;
  readonly linkName: string;
}

/** Where an answer came from. */
export interface Place {
  /** Of the other end. */
  readonly address: string;
  readonly linkName: string;
  /** Of our end. */
  readonly mac: string;
}

export interface SearchState {
  /** The laptop that was asked to restart last. */
  readonly asked?: AskedLaptop | undefined;
}

export type SearchFact =
  | { readonly kind: "answered"; readonly finding: SearchFinding; readonly place: Place }
  /** {@link WAIT_FOR_FREE_MS} after an offer that asked for it, and no better one came. */
  | { readonly kind: "waited"; readonly offer: OfferMessage; readonly place: Place };

export type SearchDeed =
  /** @param about the same while it is about the same thing; absent: the text itself */
  | { readonly kind: "say"; readonly text: string; readonly about?: string }
  /** Then tells `waited`. */
  | { readonly kind: "wait"; readonly offer: OfferMessage; readonly place: Place }
  /** Asks the laptop to restart as a server. */
  | { readonly kind: "claim"; readonly offer: OfferMessage }
  /** The search is over. */
  | { readonly kind: "take"; readonly server: FoundServer };

/**
 * A busy server may be told so itself, but one that is free and answers a moment later is better; so is one that need
 * not restart.
 */
export const WAIT_FOR_FREE_MS = 500;

export interface SearchStep {
  readonly state: SearchState;
  readonly deeds: readonly SearchDeed[];
}

export function stepSearch(state: SearchState, fact: SearchFact, nowMs: number): SearchStep {
  const { place } = fact;
  if (fact.kind === "waited") {
    return fact.offer.state === "installed-os"
      ? claim(state, fact.offer, place, nowMs)
      : { state, deeds: [take(fact.offer, place)] };
  }
  switch (fact.finding.kind) {
    case "other-key": {
      const text = `A stiefelsystem answers with another key (link ${place.linkName}, ${place.address}): ` +
        "both images must be built with the same aes-key file";
      return { state, deeds: [{ kind: "say", text, about: "other-key" }] };
    }
    case "claim-accepted":
      return {
        state: { asked: { host: hostOf(place), sinceMs: nowMs, hasAgreed: true } },
        deeds: [say(`It agrees (link ${place.linkName}): waiting for it to come back as a server`)],
      };
    case "offer":
      return weighOffer(state, fact.finding.offer, place);
    case "ignored":
      return { state, deeds: [] };
  }
}

function weighOffer(state: SearchState, offer: OfferMessage, place: Place): SearchStep {
  switch (offer.state) {
    case "serving":
      return { state, deeds: [take(offer, place)] };
    case "busy":
    case "installed-os":
      return { state, deeds: [{ kind: "wait", offer, place }] };
    case "declining":
      return {
        state: state.asked?.host === hostOf(place) ? {} : state,
        deeds: [say(
          `"${offer.name}" runs its own system (link ${place.linkName}) and will not restart for now: ` +
            "somebody there said no, or it cannot; the journal there tells: journalctl -u stiefel-autokexec",
        )],
      };
  }
}

/** One laptop at a time is asked to restart, and only when no server answers meanwhile. */
function claim(state: SearchState, offer: OfferMessage, place: Place, nowMs: number): SearchStep {
  const host = hostOf(place);
  if (!mayAsk(state.asked, host, nowMs)) return { state, deeds: [] };
  const hasAgreed = state.asked?.host === host && state.asked.hasAgreed;
  const text = `"${offer.name}" runs its own system (link ${place.linkName}): asking it to restart as a server`;
  return { state: { asked: { host, sinceMs: nowMs, hasAgreed } }, deeds: [say(text), { kind: "claim", offer }] };
}

function take({ name, tcpPort: port }: OfferMessage, place: Place): SearchDeed {
  return { kind: "take", server: { name, host: hostOf(place), port, mac: place.mac, linkName: place.linkName } };
}

function hostOf({ address, linkName }: Place): string {
  return withScope(address, linkName);
}

function say(text: string): SearchDeed {
  return { kind: "say", text };
}
