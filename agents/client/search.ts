/**
 * Finding a laptop: asks on every link at once until one answers with our key. What follows from an answer:
 * decide_search.ts.
 */
import { type DatagramLink, openDatagramLink } from "../../lib/net/datagram_link.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { DiscoverySearch } from "../../lib/protocol/discovery_search.ts";
import { type Link, readLinkSpeed } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Console } from "../shared/console.ts";
import { isMeetingPlace, runOnLinks, type UsableLink } from "../shared/links.ts";
import { createFirmwareReport } from "../shared/missing_firmware.ts";
import { ADVICE_INTERVAL_MS, adviseOn } from "./advice.ts";
import { type ClientKey, keyNamed } from "./client_keys.ts";
import {
  type FoundServer,
  type SearchDeed,
  type SearchFact,
  type SearchWishes,
  startSearchState,
  stepSearch,
} from "./decide_search.ts";
import { findHeard, type HeardLaptop, listCandidates } from "./heard_laptops.ts";
import { describeLink, formatWaitingPage, type WaitingLink } from "./waiting_page.ts";

export interface SearchOptions {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
  /** What this machine calls itself towards laptops. */
  readonly name: string;
  readonly wishes: SearchWishes;
  /** To ask with, and to be shown; the own one first. */
  readonly keys: readonly ClientKey[];
  /** What cards are set to at most. */
  readonly mtu?: number | undefined;
  /** Only on this VLAN of the cards. */
  readonly vlan?: number | undefined;
  /**
   * Where another program brings the links up: told of all links after each change, to help where it does not. Default:
   * we do.
   */
  readonly raise?: (links: readonly Link[]) => Promise<void>;
}

export type SearchOutcome =
  | { readonly kind: "found"; readonly server: FoundServer }
  /** More than one laptop answers. */
  | { readonly kind: "several" };

export interface LaptopSearch extends AsyncDisposable {
  /** @throws the signal's reason when it aborts */
  readonly outcome: Promise<SearchOutcome>;
  /** The network links as they are. */
  links(): readonly Link[];
  /** Those that answer. It listens beyond its outcome, until it is disposed of. */
  candidates(): readonly HeardLaptop[];
  /** The candidates but this one. */
  othersThan(server: FoundServer): readonly HeardLaptop[];
  /** Resolves when there are more candidates than that. */
  waitForMore(count: number): Promise<void>;
  /** Asks no more; links are followed on. */
  quieten(): void;
  /** Aborts when the link that leads to the laptop has gone, or its cable. */
  watchLink(server: Pick<FoundServer, "linkName" | "mac">): AbortSignal;
}

/** From the first question to the second; then twice as long each time. A link that comes up is asked at once. */
const firstIntervalMs = 250;
const maximumIntervalMs = 4_000;
/** A laptop that answers at once is not worth a page. */
const pageAfterMs = 2_000;
const pageIntervalMs = 1_000;

/** Asks for as long as it takes. */
export function startSearch(options: SearchOptions): LaptopSearch {
  const { system, console, signal, wishes } = options;
  const outcome = Promise.withResolvers<SearchOutcome>();
  const decided = new AbortController();
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const quiet = new AbortController();
  const search = new DiscoverySearch({
    discoveryKey: keyNamed(options.keys, undefined).discoveryKey,
    otherKeys: options.keys.flatMap(({ name, discoveryKey }) => name === undefined ? [] : [{ name, discoveryKey }]),
    random: (size) => system.randomBytes(size),
  });
  let state = startSearchState(system.monotonicMs(), options.keys.length);
  /** Of the links that are asked, in Mbit/s. */
  const speeds = new Map<string, number>();
  let changed = Promise.withResolvers<void>();

  function settle(value: SearchOutcome): void {
    decided.abort();
    outcome.resolve(value);
  }

  function tell(fact: SearchFact, datagrams: DatagramLink): void {
    const step = stepSearch(state, fact, {
      nowMs: system.monotonicMs(),
      wishes,
      fastestMbps: Math.max(0, ...speeds.values()),
    });
    state = step.state;
    changed.resolve();
    changed = Promise.withResolvers<void>();
    // What comes of it now is up to the caller.
    if (decided.signal.aborted) return;
    // The link may go meanwhile; then the search asks the machine that answered there again.
    for (const deed of step.deeds) carryOut(deed, datagrams).catch(() => {});
  }

  async function carryOut(deed: SearchDeed, datagrams: DatagramLink): Promise<void> {
    switch (deed.kind) {
      case "say":
        return console.sayRarely(deed.text, deed.about);
      case "wait":
        await system.delay(deed.waitMs, stop);
        return tell({ ...deed, kind: "waited" }, datagrams);
      case "claim": {
        // A server hears what is sent to the group; the challenge is that of one laptop.
        const bytes = await search.formatClaim(deed.offer, options.name);
        return await datagrams.send(bytes, { address: DISCOVERY_GROUP, port: DISCOVERY_PORT });
      }
      case "choose":
        return settle({ kind: "several" });
      case "take":
        return settle({ kind: "found", server: deed.server });
    }
  }

  async function work(link: UsableLink, linkSignal: AbortSignal): Promise<void> {
    using datagrams = await openDatagramLink({ ...link, link: link.name, port: 0 });
    const onAbort = (): void => datagrams.close();
    linkSignal.addEventListener("abort", onAbort, { once: true });
    if (linkSignal.aborted) onAbort();
    const asking = ask(system, search, datagrams, AbortSignal.any([linkSignal, quiet.signal]));
    // It takes a program's start, which no answer waits for.
    const looking = readLinkSpeed(system, link.name).then((speed) => speed && speeds.set(link.name, speed), () => {});
    try {
      for (let datagram = await datagrams.receive(); datagram !== undefined; datagram = await datagrams.receive()) {
        const finding = await search.receive(datagram.bytes);
        // Where there are others to compare it with, a link that has just come up is not taken for a slow one.
        if (speeds.size > 0) await looking;
        const speedMbps = speeds.get(link.name);
        const place = {
          ...{ address: datagram.address, linkName: link.name, mac: link.mac },
          ...speedMbps === undefined ? {} : { speedMbps },
        };
        tell({ kind: "answered", finding, place }, datagrams);
      }
    } finally {
      linkSignal.removeEventListener("abort", onAbort);
      datagrams.close();
      await Promise.all([asking, looking]);
      speeds.delete(link.name);
    }
  }

  const onAbort = (): void => outcome.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  let all: readonly Link[] = [];
  let candidates: readonly Link[] = [];
  const watched: { readonly mac: string; readonly linkName: string; readonly lost: AbortController }[] = [];
  const until = AbortSignal.any([stop, decided.signal]);
  const page = new WaitingPage(options, until);
  const report = createLinkReport(options, page);
  const reportFirmware = createFirmwareReport(system, { console, signal: until });
  const onLinks = (links: readonly Link[]): void => {
    all = links;
    void options.raise?.(links);
    candidates = links.filter((link) => isMeetingPlace(link, options.vlan));
    for (const { mac, linkName, lost } of watched) {
      const isThere = links.some((link) => link.name === linkName && link.mac === mac && link.hasCarrier);
      if (!isThere) lost.abort(new Error(`The link ${linkName} has gone, or its cable`));
    }
    if (decided.signal.aborted) return;
    report(links);
    reportFirmware(links);
  };
  const running = runOnLinks({
    system,
    console,
    signal: stop,
    ...{ mtu: options.mtu, vlan: options.vlan },
    onLinks,
    work,
    ...options.raise === undefined ? {} : { planBringUp: () => [] },
  });
  const advising = repeatAdvice(
    options,
    until,
    (turn) => page.noteAdvice(adviseOn(candidates, state.asked, { turn, vlan: options.vlan })),
  );
  const showing = page.run();
  const laptops = (): readonly HeardLaptop[] => listCandidates(state.heard, system.monotonicMs());
  return {
    outcome: outcome.promise,
    links: () => all,
    candidates: laptops,
    othersThan: (server) => {
      const answering = laptops();
      const found = findHeard(answering, server);
      return answering.filter((laptop) => laptop !== found);
    },
    waitForMore: async (count) => {
      while (laptops().length <= count) await changed.promise;
    },
    quieten: () => quiet.abort(),
    watchLink: ({ mac, linkName }) => {
      const lost = new AbortController();
      watched.push({ mac, linkName, lost });
      return lost.signal;
    },
    [Symbol.asyncDispose]: async () => {
      signal.removeEventListener("abort", onAbort);
      over.abort();
      await Promise.all([running, advising, showing]);
    },
  };
}

/** What to check next, again and again, until a server is found. */
async function repeatAdvice(
  { system }: SearchOptions,
  signal: AbortSignal,
  advise: (turn: number) => void,
): Promise<void> {
  for (let turn = 0;; turn++) {
    await system.delay(ADVICE_INTERVAL_MS, signal).catch(() => {});
    if (signal.aborted) return;
    advise(turn);
  }
}

/** On a screen a page, elsewhere lines: while nothing is found. */
class WaitingPage {
  readonly #options: SearchOptions;
  readonly #signal: AbortSignal;
  readonly #startedMs: number;
  #links: readonly WaitingLink[] = [];
  #advice: string | undefined;
  #isShown = false;

  constructor(options: SearchOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#startedMs = options.system.monotonicMs();
  }

  noteAdvice(advice: string): void {
    this.#advice = advice;
    this.#tell(advice);
  }

  noteLinks(links: readonly WaitingLink[]): void {
    this.#links = links;
    this.#tell(describeLinks(links));
  }

  async run(): Promise<void> {
    const { system, console } = this.#options;
    if (!console.isScreen) return;
    await system.delay(pageAfterMs, this.#signal).catch(() => {});
    while (!this.#signal.aborted) {
      this.#isShown = true;
      this.#draw();
      await system.delay(pageIntervalMs, this.#signal).catch(() => {});
    }
    console.page(undefined);
  }

  #tell(line: string): void {
    if (this.#isShown) this.#draw();
    else this.#options.console.say(line);
  }

  #draw(): void {
    const { system, console, keys } = this.#options;
    if (this.#signal.aborted) return;
    console.page(formatWaitingPage({
      keys,
      waitedMs: system.monotonicMs() - this.#startedMs,
      links: this.#links,
      ...this.#advice === undefined ? {} : { advice: this.#advice },
    }));
  }
}

/** Sends a question with each key, again and again. Never rejects: what cannot be sent now is asked again. */
async function ask(
  system: System,
  search: DiscoverySearch,
  datagrams: DatagramLink,
  signal: AbortSignal,
): Promise<void> {
  const backoff = createBackoff({ firstMs: firstIntervalMs, maximumMs: maximumIntervalMs });
  while (!signal.aborted) {
    for (const question of await search.formatRound()) {
      await datagrams.send(question, { address: DISCOVERY_GROUP, port: DISCOVERY_PORT }).catch(() => {});
    }
    await system.delay(backoff.next(), signal).catch(() => {});
  }
}

/** Notes which links there are, again when that changes. */
function createLinkReport({ system, vlan }: SearchOptions, page: WaitingPage): (links: readonly Link[]) => void {
  let last = "";
  return (links) => {
    const candidates = links.filter((link) => isMeetingPlace(link, vlan));
    const key = JSON.stringify(candidates.map(({ name, isUp, hasCarrier }) => [name, isUp, hasCarrier]));
    if (key === last) return;
    last = key;
    void Promise.all(candidates.map((link) => lookAtLink(system, link))).then((described) => {
      if (last === key) page.noteLinks(described);
    });
  };
}

async function lookAtLink(system: System, { name, isUp, hasCarrier }: Link): Promise<WaitingLink> {
  const speedMbps = isUp && hasCarrier ? await readLinkSpeed(system, name).catch(() => undefined) : undefined;
  return { name, isUp, hasCarrier, ...speedMbps === undefined ? {} : { speedMbps } };
}

function describeLinks(links: readonly WaitingLink[]): string {
  if (links.length === 0) return "No network card found yet";
  const descriptions = links.map((link) => `${link.name} ${describeLink(link)}`);
  return `Asking for a stiefelsystem on: ${descriptions.join(", ")}`;
}
