/** What the desktop shows while it looks for a laptop: its links, and what to check. */
import { type Link, readLinkSpeed } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { isMeetingPlace } from "../shared/links.ts";
import { ADVICE_INTERVAL_MS } from "./advice.ts";
import type { ClientKey } from "./client_keys.ts";
import { describeLink, formatWaitingPage, type WaitingLink } from "./waiting_page.ts";

export interface SearchPageOptions {
  readonly system: System;
  readonly console: Console;
  readonly keys: readonly ClientKey[];
  readonly vlan?: number | undefined;
}

/** A laptop that answers at once is not worth a page. */
const pageAfterMs = 2_000;
const pageIntervalMs = 1_000;

/** On a screen a page, elsewhere lines: while nothing is found. */
export class SearchPage {
  readonly #options: SearchPageOptions;
  readonly #signal: AbortSignal;
  readonly #startedMs: number;
  #links: readonly WaitingLink[] = [];
  /** What of the links is shown, or is about to be. */
  #shownLinks = "";
  #advice: string | undefined;
  #isShown = false;

  constructor(options: SearchPageOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#startedMs = options.system.monotonicMs();
  }

  /** Shows the page on a screen until the signal aborts. */
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

  /** Shows what to check next, again and again, until the signal aborts. */
  async advise(adviceFor: (turn: number) => string): Promise<void> {
    for (let turn = 0;; turn++) {
      await this.#options.system.delay(ADVICE_INTERVAL_MS, this.#signal).catch(() => {});
      if (this.#signal.aborted) return;
      this.#advice = adviceFor(turn);
      this.#tell(this.#advice);
    }
  }

  /** Shows which links there are, again when that changes. */
  showLinks(links: readonly Link[]): void {
    const { system, vlan } = this.#options;
    const places = links.filter((link) => isMeetingPlace(link, vlan));
    const key = JSON.stringify(places.map(({ name, isUp, hasCarrier }) => [name, isUp, hasCarrier]));
    if (key === this.#shownLinks) return;
    this.#shownLinks = key;
    void Promise.all(places.map((link) => lookAtLink(system, link))).then((described) => {
      if (this.#shownLinks !== key) return;
      this.#links = described;
      this.#tell(describeLinks(described));
    });
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

async function lookAtLink(system: System, { name, isUp, hasCarrier }: Link): Promise<WaitingLink> {
  const speedMbps = isUp && hasCarrier ? await readLinkSpeed(system, name).catch(() => undefined) : undefined;
  return { name, isUp, hasCarrier, ...speedMbps === undefined ? {} : { speedMbps } };
}

function describeLinks(links: readonly WaitingLink[]): string {
  if (links.length === 0) return "No network card found yet";
  const descriptions = links.map((link) => `${link.name} ${describeLink(link)}`);
  return `Asking for a stiefelsystem on: ${descriptions.join(", ")}`;
}
