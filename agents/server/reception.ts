/**
 * Where desktops and people come in: discovery and boot exchange on every link and address, and the page that shows
 * the state.
 */
import { describeError } from "../../lib/errors.ts";
import { describeEndpoint } from "../../lib/net/address.ts";
import { type DatagramLink, openDatagramLink } from "../../lib/net/datagram_link.ts";
import { listenStream, type StreamListener } from "../../lib/net/listen.ts";
import { servePage } from "../../lib/net/status_page.ts";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { DiscoveryResponder } from "../../lib/protocol/discovery_responder.ts";
import { declineBusy } from "../../lib/protocol/secure_channel.ts";
import type { Arrival } from "../../lib/export/session_plan.ts";
import type { System } from "../../lib/system/system.ts";
import { version } from "../../lib/version.ts";
import { createBackoff } from "../shared/backoff.ts";
import type { Console } from "../shared/console.ts";
import type { Environment } from "../shared/environment.ts";
import { runOnLinks, type UsableLink } from "../shared/links.ts";
import type { Desk } from "./desk.ts";
import { serveExchange, type ServerExchangeOptions } from "./exchange.ts";
import type { Life } from "./life.ts";
import { RecentAskers } from "./recent_askers.ts";
import type { DiskSource } from "./source.ts";
import { answerStateRequest, type ServerState, statePagePort } from "./state.ts";

/** What the image calls itself (image/initrd/etc/hostname). */
const imageHostName = "stiefelsystem";

export interface ReceptionOptions {
  readonly system: System;
  readonly console: Console;
  readonly environment: Environment;
  readonly desk: Desk;
  readonly source: DiskSource;
  readonly transport: ServerExchangeOptions["transport"];
  readonly tell: ServerExchangeOptions["tell"];
  readonly currentLife: () => Life;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #askers = new RecentAskers();
  /** Names of links and addresses. */
  readonly #listening: string[] = [];

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /**
   * Runs until `signal` aborts. Never rejects.
   * @param addresses of this machine, beside its links
   */
  async run(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    const { system, console, desk } = this.#options;
    await Promise.all([
      runOnLinks({
        system,
        console,
        signal,
        onLinks: (links) => void desk.restoreAddress(links),
        work: (link, linkSignal) => this.#serveLink(link, linkSignal),
      }),
      ...addresses.map((address) => this.#serveForever(address, signal, () => this.#listenOnAddress(address, signal))),
      this.#serveForever("The state page", signal, () => this.#listenForPage(signal)),
    ]);
  }

  async #serveLink(link: UsableLink, signal: AbortSignal): Promise<void> {
    const { system } = this.#options;
    using datagrams = await openDatagramLink({
      link: link.name,
      index: link.index,
      group: DISCOVERY_GROUP,
      port: DISCOVERY_PORT,
    });
    const place = { address: link.address, link: link.name, port: BOOT_EXCHANGE_PORT, signal };
    await using _listener = this.#listenForExchange(place, () => ({ kind: "link", link: link.name }));
    using _listed = this.#list(link.name);
    // For a browser or curl(1) on the other end, which has another name for the link.
    const page = `http://[${link.address}%25LINK]:${statePagePort}/`;
    this.#options.console.sayRarely(
      `State, for a computer on the cable of ${link.name}: ${page} (LINK: its name there)`,
    );
    const onAbort = (): void => datagrams.close();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const responder = new DiscoveryResponder({
      discoveryKey: this.#options.environment.keys.discoveryKey,
      random: (size) => system.randomBytes(size),
      currentOffer: () => ({
        state: this.#options.desk.isFree ? "serving" : "busy",
        tcpPort: BOOT_EXCHANGE_PORT,
        name: this.#options.environment.machineName,
      }),
    });
    try {
      await this.#answerQuestions(link, datagrams, responder);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #answerQuestions(link: UsableLink, datagrams: DatagramLink, responder: DiscoveryResponder): Promise<void> {
    const { system, console } = this.#options;
    for (let datagram = await datagrams.receive(); datagram !== undefined; datagram = await datagrams.receive()) {
      const source = `${datagram.address}%${link.name}`;
      const outcome = await responder.receive(datagram.bytes, { source, nowMs: system.monotonicMs() });
      if (outcome.kind === "other-key") {
        console.sayRarely(
          `A desktop asks with another key (link ${link.name}): both images must be built with the same aes-key file`,
          "other-key",
        );
      }
      if (outcome.kind === "offered" && outcome.isFresh) this.#askers.note(source, system.monotonicMs());
      // An answer that cannot be sent is asked for again.
      if (outcome.kind !== "ignored") await datagrams.send(outcome.reply, datagram).catch(() => {});
    }
  }

  #listenForExchange(
    place: { readonly address: string; readonly link?: string; readonly port: number; readonly signal: AbortSignal },
    arrivalOf: (ends: { readonly localAddress: string; readonly remoteAddress: string }) => Arrival,
  ): StreamListener {
    const { system, console } = this.#options;
    const isExpected = (address: string): boolean => this.#askers.has(`${address}%${place.link}`, system.monotonicMs());
    return listenStream({ ...place, farewell: declineBusy().reply, isExpected }, (stream) => {
      const options: ServerExchangeOptions = {
        system,
        console,
        bootPsk: this.#options.environment.keys.bootPsk,
        source: this.#options.source,
        desk: this.#options.desk,
        arrival: arrivalOf(stream),
        security: this.#options.environment.settings.security ?? "none",
        transport: this.#options.transport,
        tell: this.#options.tell,
      };
      return serveExchange(stream, options);
    });
  }

  async #listenOnAddress(address: string, signal: AbortSignal): Promise<void> {
    const [host = "", link] = address.split("%");
    const place = { address: host, port: BOOT_EXCHANGE_PORT, signal, ...(link === undefined ? {} : { link }) };
    await using listener = this.#listenForExchange(place, ({ localAddress, remoteAddress }) => ({
      kind: "address",
      localAddress,
      remoteAddress,
    }));
    using _listed = this.#list(describeEndpoint(address, listener.port));
    this.#options.console.say(`Listening on ${describeEndpoint(address, listener.port)}`);
    await listener.finished;
  }

  async #listenForPage(signal: AbortSignal): Promise<void> {
    // "::" takes IPv4 as well, and needs not follow the links
    const place = { address: "::", port: statePagePort, signal, idleTimeoutMs: 5_000, maximumConnections: 8 };
    await using listener = listenStream(
      place,
      (stream) =>
        servePage(stream, {
          port: statePagePort,
          names: [this.#options.environment.machineName, imageHostName],
          answer: (request) => answerStateRequest(this.#describe(), request),
        }),
    );
    await listener.finished;
  }

  /** Keeps a listener running; an address may come later than we do. */
  async #serveForever(what: string, signal: AbortSignal, serve: () => Promise<void>): Promise<void> {
    const { system, console } = this.#options;
    const backoff = createBackoff({ firstMs: 250, maximumMs: 10_000 });
    while (!signal.aborted) {
      await serve().catch((error) => console.sayRarely(`${what}: cannot listen yet: ${describeError(error)}`));
      if (!signal.aborted) await system.delay(backoff.next(), signal).catch(() => {});
    }
  }

  #list(place: string): Disposable {
    this.#listening.push(place);
    return {
      [Symbol.dispose]: () => {
        this.#listening.splice(this.#listening.indexOf(place), 1);
      },
    };
  }

  #describe(): ServerState {
    const { environment, currentLife } = this.#options;
    const { phase, disk } = currentLife();
    return {
      name: environment.machineName,
      version,
      phase,
      ...(disk === undefined ? {} : { disk }),
      listening: [...this.#listening],
    };
  }
}
