/**
 * What a desktop makes of the answers to its questions: facts in, deeds out. agents/client/search.ts asks and carries
 * out. Pure.
 */
import type { OfferMessage, SearchFinding } from "../../lib/protocol/discovery_search.ts";
import { type AskedLaptop, mayAsk } from "./asked_laptop.ts";
import {
  type ChosenLaptop,
  describePlace,
  findHeard,
  type HeardLaptop,
  hostOf,
  isChosen,
  isPreferred,
  listCandidates,
  noteAgreed,
  noteOffer,
  type Place,
  type Preference,
  RESTART_MS,
} from "./heard_laptops.ts";

export interface FoundServer {
  readonly name: string;
  /** Of the key it has proved; absent: the client's own. */
  readonly keyName?: string;
  /** With the scope of the link it was found on. */
  readonly host: string;
  readonly port: number;
  /** MAC address of the link. */
  readonly mac: string;
  readonly linkName: string;
}

export interface SearchState {
  readonly startedMs: number;
  /** How many keys are asked with. */
  readonly keys: number;
  /** Who has answered that it has another key than these; the last ones. */
  readonly refusals: readonly { readonly host: string; readonly keyNames: readonly (string | undefined)[] }[];
  /** The laptop that was asked to restart last. */
  readonly asked?: AskedLaptop | undefined;
  readonly heard: readonly HeardLaptop[];
}

/** Which laptop is meant. */
export interface SearchWishes extends Preference {
  /** No other one is taken, unless it is not heard any more. */
  readonly chosen?: ChosenLaptop | undefined;
}

export type SearchFact =
  | { readonly kind: "answered"; readonly finding: SearchFinding; readonly place: Place }
  /** The time of a `wait` is over, and no better offer came. */
  | { readonly kind: "waited"; readonly offer: OfferMessage; readonly place: Place };

export type SearchDeed =
  /** @param about the same while it is about the same thing; absent: the text itself */
  | { readonly kind: "say"; readonly text: string; readonly about?: string }
  /** Then tells `waited`. */
  | { readonly kind: "wait"; readonly offer: OfferMessage; readonly place: Place; readonly waitMs: number }
  /** Asks the laptop to restart as a server. */
  | { readonly kind: "claim"; readonly offer: OfferMessage }
  /** More than one laptop answers: the search is over until one of them is chosen. */
  | { readonly kind: "choose" }
  /** The search is over. */
  | { readonly kind: "take"; readonly server: FoundServer };

/**
 * A busy server may be told so itself, but one that is free and answers a moment later is better; so is one that need
 * not restart.
 */
const waitForFreeMs = 500;
/** A laptop with two cables may answer on the faster one a moment later; no throughput is tried. */
const waitForFasterMs = 200;
/** The stick's default may be on a link that comes up later than the one of another laptop. */
const waitForPreferredMs = 5_000;

export interface SearchStep {
  readonly state: SearchState;
  readonly deeds: readonly SearchDeed[];
}

export interface SearchCircumstances {
  readonly nowMs: number;
  readonly wishes: SearchWishes;
  /** Of all links that are asked, in Mbit/s; 0 where no driver says it. */
  readonly fastestMbps: number;
}

/** @param keys how many are asked with */
export function startSearchState(nowMs: number, keys = 1): SearchState {
  return { startedMs: nowMs, keys, refusals: [], heard: [] };
}

export function stepSearch(state: SearchState, fact: SearchFact, circumstances: SearchCircumstances): SearchStep {
  const { place } = fact;
  if (fact.kind === "waited") return goOn(state, fact, circumstances);
  switch (fact.finding.kind) {
    case "other-key":
      return noteOtherKey(state, { ...fact.finding, place });
    case "claim-accepted": {
      const { nowMs } = circumstances;
      const asked = { host: hostOf(place), sinceMs: nowMs, hasAgreed: true };
      return {
        state: { ...state, asked, heard: noteAgreed(state.heard, { ...fact.finding, place }, nowMs) },
        deeds: [say(`It agrees (link ${place.linkName}): waiting for it to come back as a server`)],
      };
    }
    case "offer":
      return weighOffer(state, { offer: fact.finding.offer, place }, circumstances);
    case "ignored":
      return { state, deeds: [] };
  }
}

/** As many as a screen has room for, and memory has an end. */
const maximumRefusals = 18;

/** A laptop that has one of several keys says of all others that it has another one: only one that has none is news. */
function noteOtherKey(
  state: SearchState,
  { place, keyName }: { readonly place: Place; readonly keyName?: string },
): SearchStep {
  const host = hostOf(place);
  const before = state.refusals.find((refusal) => refusal.host === host)?.keyNames ?? [];
  const keyNames = before.includes(keyName) ? before : [...before, keyName];
  const others = state.refusals.filter((refusal) => refusal.host !== host);
  const refusals = [...others, { host, keyNames }].slice(-maximumRefusals);
  if (keyNames.length < state.keys) return { state: { ...state, refusals }, deeds: [] };
  const text = `A stiefelsystem answers with another key (link ${place.linkName}, ${place.address}): ` +
    "both images must be built with the same aes-key file" +
    (state.keys === 1 ? "" : `, or one of the ${state.keys - 1} keys beside it be its own`);
  return { state: { ...state, refusals }, deeds: [{ kind: "say", text, about: "other-key" }] };
}

interface Answer {
  readonly offer: OfferMessage;
  readonly place: Place;
}

function weighOffer(before: SearchState, answer: Answer, circumstances: SearchCircumstances): SearchStep {
  const { nowMs, wishes, fastestMbps } = circumstances;
  const { offer, place } = answer;
  const noted = noteOffer(before.heard, offer, place, nowMs);
  const state = { ...before, heard: noted.heard };
  if (offer.state === "declining") return noteDeclining(state, answer);
  const chosen = chosenOf(before, circumstances);
  const isOnFastest = (noted.laptop.fastest.place.speedMbps ?? 0) >= fastestMbps;
  const weigh = (waitMs: number): SearchStep =>
    weighOne(state, answer, Math.max(waitMs, isOnFastest ? 0 : waitForFasterMs));
  if (chosen !== undefined) return isChosen(chosen, noted.laptop) ? weigh(0) : { state, deeds: [] };
  if (listCandidates(state.heard, nowMs).length > 1) return { state, deeds: [{ kind: "choose" }] };
  const mayBeMeant = wishes.preferred === undefined ||
    [noted.laptop, noted.before].some((one) => one !== undefined && isPreferred(one, wishes));
  return weigh(mayBeMeant ? 0 : waitForPreferredMs);
}

/** @param waitMs for a better one */
function weighOne(state: SearchState, { offer, place }: Answer, waitMs: number): SearchStep {
  const isFree = offer.state === "serving";
  if (isFree && waitMs === 0) return { state, deeds: [take(offer, fastestOf(state, { offer, place }))] };
  return {
    state,
    deeds: [{ kind: "wait", offer, place, waitMs: isFree ? waitMs : Math.max(waitMs, waitForFreeMs) }],
  };
}

function noteDeclining(state: SearchState, { offer, place }: Answer): SearchStep {
  const { asked, ...others } = state;
  return {
    state: asked?.host === hostOf(place) ? others : state,
    deeds: [say(
      `"${offer.name}" runs its own system (${describeSource({ offer, place })}) and will not restart for now: ` +
        "a person there cancelled it, or it cannot; its journal has the reason: journalctl -u stiefel-autokexec",
    )],
  };
}

/** For an answer of the chosen laptop, or while none is chosen. */
function goOn(state: SearchState, { offer, place }: Answer, circumstances: SearchCircumstances): SearchStep {
  const { nowMs } = circumstances;
  if (chosenOf(state, circumstances) === undefined && listCandidates(state.heard, nowMs).length > 1) {
    return { state, deeds: [{ kind: "choose" }] };
  }
  if (offer.state !== "installed-os") return { state, deeds: [take(offer, fastestOf(state, { offer, place }))] };
  return claim(state, { offer, place }, nowMs);
}

/** Where the laptop of an answer is reached best: it may have been heard elsewhere since. */
function fastestOf({ heard }: SearchState, { offer, place }: Answer): Place {
  const { name, keyName } = offer;
  const laptop = findHeard(heard, { host: hostOf(place), name, ...keyName === undefined ? {} : { keyName } });
  return laptop?.fastest.place ?? place;
}

/** The laptop that was chosen, as long as it is heard, or may be about to restart. */
function chosenOf(
  { startedMs, heard }: SearchState,
  { nowMs, wishes: { chosen } }: SearchCircumstances,
): ChosenLaptop | undefined {
  if (chosen === undefined) return undefined;
  const heardMs = heard.filter((laptop) => isChosen(chosen, laptop)).map((laptop) => laptop.heardMs);
  return nowMs - Math.max(startedMs, ...heardMs) < RESTART_MS ? chosen : undefined;
}

/** One laptop at a time is asked to restart, and only when no server answers meanwhile. */
function claim(state: SearchState, { offer, place }: Answer, nowMs: number): SearchStep {
  const host = hostOf(place);
  if (!mayAsk(state.asked, host, nowMs)) return { state, deeds: [] };
  const hasAgreed = state.asked?.host === host && state.asked.hasAgreed;
  const text = `"${offer.name}" runs its own system (${describeSource({ offer, place })}): asking it to restart as a ` +
    "server";
  return {
    state: { ...state, asked: { host, sinceMs: nowMs, hasAgreed } },
    deeds: [say(text), { kind: "claim", offer }],
  };
}

function take({ name, keyName, tcpPort: port }: OfferMessage, place: Place): SearchDeed {
  const { mac, linkName } = place;
  const named = { name, ...keyName === undefined ? {} : { keyName } };
  return { kind: "take", server: { ...named, host: hostOf(place), port, mac, linkName } };
}

function describeSource({ offer, place }: Answer): string {
  return describePlace(place.linkName, offer.keyName);
}

function say(text: string): SearchDeed {
  return { kind: "say", text };
}
