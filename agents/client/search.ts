/**
 * Finding a laptop: asks on every link at once until one answers with our key. What follows from an answer:
 * decide_search.ts.
 */
import type { DatagramLink } from "../../lib/net/datagram_link.ts";
import { DiscoverySearch } from "../../lib/protocol/discovery_search.ts";
import { type Link, readLinkSpeed } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { isMeetingPlace, runOnLinks, type UsableLink } from "../shared/links.ts";
import { createFirmwareReport } from "../shared/missing_firmware.ts";
import { adviseOn } from "./advice.ts";
import { askOnLink, everyLaptop } from "./ask_on_link.ts";
import { type ClientKey, keyNamed } from "./client_keys.ts";
import {
  type FoundServer,
  type SearchDeed,
  type SearchFact,
  type SearchState,
  type SearchWishes,
  startSearchState,
  stepSearch,
} from "./decide_search.ts";
import { findHeard, type HeardLaptop, listCandidates } from "./heard_laptops.ts";
import { SearchPage } from "./search_page.ts";

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

/** Asks for as long as it takes. */
export function startSearch(options: SearchOptions): LaptopSearch {
  return new RunningSearch(options);
}

/** A link on which a laptop was found. */
interface WatchedLink {
  readonly mac: string;
  readonly linkName: string;
  readonly lost: AbortController;
}

class RunningSearch implements LaptopSearch {
  readonly #options: SearchOptions;
  readonly #outcome = Promise.withResolvers<SearchOutcome>();
  readonly #decided = new AbortController();
  readonly #over = new AbortController();
  readonly #quiet = new AbortController();
  /** Nothing of it goes on any more. */
  readonly #stop: AbortSignal;
  readonly #discovery: DiscoverySearch;
  /** Of the links that are asked, in Mbit/s. */
  readonly #speeds = new Map<string, number>();
  readonly #watched: WatchedLink[] = [];
  readonly #show: (links: readonly Link[]) => void;
  readonly #running: Promise<unknown>;
  #state: SearchState;
  #changed = Promise.withResolvers<void>();
  #links: readonly Link[] = [];

  constructor(options: SearchOptions) {
    const { system, console, signal, keys } = options;
    this.#options = options;
    this.#stop = AbortSignal.any([signal, this.#over.signal]);
    this.#discovery = new DiscoverySearch({
      discoveryKey: keyNamed(keys, undefined).discoveryKey,
      otherKeys: keys.flatMap(({ name, discoveryKey }) => name === undefined ? [] : [{ name, discoveryKey }]),
      random: (size) => system.randomBytes(size),
    });
    this.#state = startSearchState(system.monotonicMs(), keys.length);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    const until = AbortSignal.any([this.#stop, this.#decided.signal]);
    const page = new SearchPage(options, until);
    const showFirmware = createFirmwareReport(system, { console, signal: until });
    this.#show = (links) => {
      page.showLinks(links);
      showFirmware(links);
    };
    this.#running = Promise.all([
      runOnLinks({
        system,
        console,
        signal: this.#stop,
        ...{ mtu: options.mtu, vlan: options.vlan },
        onLinks: (links) => this.#onLinks(links),
        work: (link, linkSignal) => this.#askOn(link, linkSignal),
        ...options.raise === undefined ? {} : { planBringUp: () => [] },
      }),
      page.advise((turn) => this.#advise(turn)),
      page.run(),
    ]);
  }

  get outcome(): Promise<SearchOutcome> {
    return this.#outcome.promise;
  }

  links(): readonly Link[] {
    return this.#links;
  }

  candidates(): readonly HeardLaptop[] {
    return listCandidates(this.#state.heard, this.#options.system.monotonicMs());
  }

  othersThan(server: FoundServer): readonly HeardLaptop[] {
    const answering = this.candidates();
    const found = findHeard(answering, server);
    return answering.filter((laptop) => laptop !== found);
  }

  async waitForMore(count: number): Promise<void> {
    while (this.candidates().length <= count) await this.#changed.promise;
  }

  quieten(): void {
    this.#quiet.abort();
  }

  watchLink({ mac, linkName }: Pick<FoundServer, "linkName" | "mac">): AbortSignal {
    const lost = new AbortController();
    this.#watched.push({ mac, linkName, lost });
    return lost.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#over.abort();
    await this.#running;
  }

  readonly #onAbort = (): void => this.#outcome.reject(this.#options.signal.reason);

  #settle(value: SearchOutcome): void {
    this.#decided.abort();
    this.#outcome.resolve(value);
  }

  #onLinks(links: readonly Link[]): void {
    this.#links = links;
    void this.#options.raise?.(links);
    for (const { mac, linkName, lost } of this.#watched) {
      const isThere = links.some((link) => link.name === linkName && link.mac === mac && link.hasCarrier);
      if (!isThere) lost.abort(new Error(`The link ${linkName} has gone, or its cable`));
    }
    if (!this.#decided.signal.aborted) this.#show(links);
  }

  #advise(turn: number): string {
    const { vlan } = this.#options;
    const places = this.#links.filter((link) => isMeetingPlace(link, vlan));
    return adviseOn(places, this.#state.asked, { turn, vlan });
  }

  /** Until the signal aborts. */
  async #askOn(link: UsableLink, signal: AbortSignal): Promise<void> {
    let looking: Promise<void> | undefined;
    try {
      await askOnLink(this.#options.system, link, {
        signal,
        quiet: this.#quiet.signal,
        formatRound: () => this.#discovery.formatRound(),
        // It takes a program's start, which no answer waits for.
        onOpen: () => looking = this.#lookAtSpeed(link),
        onAnswer: async ({ bytes, address }, datagrams) => {
          const finding = await this.#discovery.receive(bytes);
          // Where there are others to compare it with, a link that has just come up is not taken for a slow one.
          if (this.#speeds.size > 0) await looking;
          const speedMbps = this.#speeds.get(link.name);
          const place = {
            ...{ address, linkName: link.name, mac: link.mac },
            ...speedMbps === undefined ? {} : { speedMbps },
          };
          this.#tell({ kind: "answered", finding, place }, datagrams);
        },
      });
    } finally {
      await looking;
      this.#speeds.delete(link.name);
    }
  }

  async #lookAtSpeed({ name }: UsableLink): Promise<void> {
    const speed = await readLinkSpeed(this.#options.system, name).catch(() => undefined);
    if (speed) this.#speeds.set(name, speed);
  }

  #tell(fact: SearchFact, datagrams: DatagramLink): void {
    const { system, wishes } = this.#options;
    const step = stepSearch(this.#state, fact, {
      nowMs: system.monotonicMs(),
      wishes,
      fastestMbps: Math.max(0, ...this.#speeds.values()),
    });
    this.#state = step.state;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
    // What comes of it now is up to the caller.
    if (this.#decided.signal.aborted) return;
    // The link may go meanwhile; then the search asks the machine that answered there again.
    for (const deed of step.deeds) this.#carryOut(deed, datagrams).catch(() => {});
  }

  async #carryOut(deed: SearchDeed, datagrams: DatagramLink): Promise<void> {
    const { system, console, name } = this.#options;
    switch (deed.kind) {
      case "say":
        return console.sayRarely(deed.text, deed.about);
      case "wait":
        await system.delay(deed.waitMs, this.#stop);
        return this.#tell({ ...deed, kind: "waited" }, datagrams);
      case "claim":
        // A server hears what is sent to the group; the challenge is that of one laptop.
        return await datagrams.send(await this.#discovery.formatClaim(deed.offer, name), everyLaptop);
      case "choose":
        return this.#settle({ kind: "several" });
      case "take":
        return this.#settle({ kind: "found", server: deed.server });
    }
  }
}
