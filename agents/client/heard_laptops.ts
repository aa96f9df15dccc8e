/** Which laptops have answered, and which of them a person may mean. Pure. */
import { toLaptopWord } from "../../lib/formats/laptop_word.ts";
import { withScope } from "../../lib/net/address.ts";
import type { OfferMessage } from "../../lib/protocol/discovery_search.ts";

/** Where an answer came from. */
export interface Place {
  /** Of the other end. */
  readonly address: string;
  readonly linkName: string;
  /** Of our end. */
  readonly mac: string;
  /** Of our link in Mbit/s; absent where its driver does not say. */
  readonly speedMbps?: number;
}

export interface HeardLaptop {
  /** What it calls itself. */
  readonly name: string;
  /** Of the key it has proved; absent: the client's own. What it calls itself may be another laptop's name. */
  readonly keyName?: string;
  /** Where it was heard last. */
  readonly place: Place;
  /** The fastest link on which it was heard lately. */
  readonly fastest: { readonly place: Place; readonly heardMs: number };
  /** What it last said of itself; "restarting" when it has agreed to become a server. */
  readonly state: OfferMessage["state"] | "restarting";
  readonly heardMs: number;
  /** The question it answered last, in hex. */
  readonly nonce: string;
}

/** The laptop that a person, or the stick's default, has chosen. */
export interface ChosenLaptop {
  readonly name: string;
  /** Of its key; absent: the client's own. */
  readonly keyName?: string | undefined;
  /** Only where another one that answers has the same name. */
  readonly host?: string;
}

/** A screen has no room for more, and memory has an end. */
const maximumHeard = 18;
/** Three questions in a row that it did not answer (agents/client/search.ts asks every 4 s). */
const goneMs = 13_000;
/** From a laptop's yes to its first answer as a server: a countdown, a shutdown and the start of the image. */
export const RESTART_MS = 180_000;

/** With the scope of the link. */
export function hostOf({ address, linkName }: Place): string {
  return withScope(address, linkName);
}

interface Noted {
  readonly heard: readonly HeardLaptop[];
  /** The one that has answered. */
  readonly laptop: HeardLaptop;
  /** What it was before, if it is known. */
  readonly before: HeardLaptop | undefined;
}

/**
 * A laptop is known by its name: its address changes when it restarts as a server, and when a network manager gives up
 * on a cable. Two of one name that answer the same question on the same link are two, and so are two with other keys.
 */
export function noteOffer(heard: readonly HeardLaptop[], offer: OfferMessage, place: Place, nowMs: number): Noted {
  const nonce = offer.clientNonce.toHex();
  const before = findBefore(heard, { offer, place, nonce });
  // A laptop that has agreed goes on saying that it runs its own system until it is shut down.
  const isStillRestarting = before?.state === "restarting" && offer.state === "installed-os" &&
    nowMs - before.heardMs < RESTART_MS;
  const laptop: HeardLaptop = {
    name: offer.name,
    ...offer.keyName === undefined ? {} : { keyName: offer.keyName },
    place,
    fastest: before !== undefined && nowMs - before.fastest.heardMs < goneMs && isFaster(before.fastest.place, place)
      ? before.fastest
      : { place, heardMs: nowMs },
    state: isStillRestarting ? "restarting" : offer.state,
    // Its time runs from its yes.
    heardMs: isStillRestarting ? before.heardMs : nowMs,
    nonce,
  };
  return {
    heard: before === undefined
      ? [...heard, laptop].slice(-maximumHeard)
      : heard.map((other) => other === before ? laptop : other),
    laptop,
    before,
  };
}

function isFaster(one: Place, other: Place): boolean {
  return one.linkName !== other.linkName && (one.speedMbps ?? 0) > (other.speedMbps ?? 0);
}

function findBefore(
  heard: readonly HeardLaptop[],
  { offer, place, nonce }: { readonly offer: OfferMessage; readonly place: Place; readonly nonce: string },
): HeardLaptop | undefined {
  const withItsKey = heard.filter(({ keyName }) => keyName === offer.keyName);
  const named = withItsKey.filter(({ name }) => name === offer.name);
  const isAnother = (other: HeardLaptop): boolean => other.nonce === nonce && other.place.linkName === place.linkName;
  const known = named.find((other) => hostOf(other.place) === hostOf(place)) ??
    named.find((other) => !isAnother(other));
  if (known !== undefined || offer.state === "installed-os" || offer.state === "declining") return known;
  // An older image does not know the laptop's name, and calls itself by its model.
  return withItsKey.find((other) => other.state === "restarting" && other.place.linkName === place.linkName);
}

/** It has agreed to restart as a server. @param keyName of the key that its yes is authentic by */
export function noteAgreed(
  heard: readonly HeardLaptop[],
  { place, keyName }: { readonly place: Place; readonly keyName?: string | undefined },
  nowMs: number,
): readonly HeardLaptop[] {
  return heard.map((laptop) =>
    hostOf(laptop.place) === hostOf(place) && laptop.keyName === keyName
      ? { ...laptop, state: "restarting", heardMs: nowMs }
      : laptop
  );
}

/** Those that a person may mean, in the order in which they were first heard. */
export function listCandidates(heard: readonly HeardLaptop[], nowMs: number): readonly HeardLaptop[] {
  return heard.filter(({ state, heardMs }) =>
    state !== "declining" && nowMs - heardMs < (state === "restarting" ? RESTART_MS : goneMs)
  );
}

export function isChosen({ name, keyName, host }: ChosenLaptop, laptop: HeardLaptop): boolean {
  return laptop.name === name && laptop.keyName === keyName && (host === undefined || hostOf(laptop.place) === host);
}

/** The laptop that was found there, or by that name where it has another address by now. */
export function findHeard(
  laptops: readonly HeardLaptop[],
  { host, name, keyName }: { readonly host: string; readonly name: string; readonly keyName?: string },
): HeardLaptop | undefined {
  const withItsKey = laptops.filter((laptop) => laptop.keyName === keyName);
  return withItsKey.find(({ place }) => hostOf(place) === host) ?? withItsKey.find((laptop) => laptop.name === name);
}

/** The stick's default (`stiefel.laptop`). */
export interface Preference {
  /** As the word it is on the stick. */
  readonly preferred?: string | undefined;
  /** It is the name of this key: no laptop with another one is meant, whatever it calls itself. */
  readonly preferredKey?: string | undefined;
}

export function isPreferred(
  { name, keyName }: Pick<HeardLaptop, "name" | "keyName">,
  { preferred, preferredKey }: Preference,
): boolean {
  if (preferred === undefined || keyName !== preferredKey) return false;
  return preferredKey !== undefined || toLaptopWord(name) === preferred;
}

/** By what a person names it: a laptop with a key of its own by that key. */
export function handleOf({ name, keyName }: Pick<HeardLaptop, "name" | "keyName">): string {
  return keyName ?? name;
}

/** "link eth0", and the key where it is not the client's own. */
export function describePlace(linkName: string, keyName: string | undefined): string {
  return `link ${linkName}${keyName === undefined ? "" : `, key ${keyName}`}`;
}

/** @param laptops all that there were to choose from */
export function chooseLaptop(laptop: HeardLaptop, laptops: readonly HeardLaptop[]): ChosenLaptop {
  const { name, keyName, place } = laptop;
  const chosen = { name, ...keyName === undefined ? {} : { keyName } };
  const hasTwin = laptops.some((other) => other !== laptop && other.name === name && other.keyName === keyName);
  return hasTwin ? { ...chosen, host: hostOf(place) } : chosen;
}
