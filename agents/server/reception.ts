/**
 * Where desktops and people come in: discovery and boot exchange on every link and address, and the page that shows
 * the state.
 */
import { describeError } from "../../lib/errors.ts";
import { defaultSecurity } from "../../lib/formats/security.ts";
import { describeEndpoint } from "../../lib/net/address.ts";
import { listenStream, type StreamListener } from "../../lib/net/listen.ts";
import { type Status, STATUS_PORT } from "../../lib/formats/status.ts";
import { type Page, type PageEnds, type PageRequest, servePage } from "../../lib/net/status_page.ts";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { PAIRING_PORT } from "../../lib/protocol/pairing.ts";
import { declineBusy } from "../../lib/protocol/secure_channel.ts";
import type { OnEnd } from "../../lib/formats/kernel_command_line.ts";
import type { Arrival } from "../../lib/export/session_plan.ts";
import type { System } from "../../lib/system/system.ts";
import { version } from "../../lib/version.ts";
import { answerDiscovery } from "../shared/answer_discovery.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Console } from "../shared/console.ts";
import { keepDhcpAddress } from "../shared/dhcp_network.ts";
import type { Environment } from "../shared/environment.ts";
import { runOnLinks, type UsableLink } from "../shared/links.ts";
import { createFirmwareReport } from "../shared/missing_firmware.ts";
import type { Desk } from "./desk.ts";
import type { Lending } from "./holding.ts";
import { serveExchange, type ServerExchangeOptions } from "./exchange.ts";
import type { Life } from "./life.ts";
import { RecentAskers } from "../shared/recent_askers.ts";
import type { DiskSource } from "./source.ts";
import type { Power } from "./battery.ts";
import { answerEnd, answerStatus, answerStore, endPath, findStatusPath, storePath } from "./answer_status.ts";
import { Meter } from "./meter.ts";
import type { Netboot } from "./netboot/netboot.ts";
import type { Pairing } from "./pairing.ts";
import { judgeAudience, reportInFull, reportInShort } from "./status_report.ts";

/** In place of an address to listen on: each that DHCP gives to this machine. */
const byDhcp = "dhcp";

/** What the image calls itself (image/initrd/etc/hostname). */
const imageHostName = "stiefelsystem";

export interface ReceptionOptions {
  readonly system: System;
  readonly console: Console;
  readonly environment: Environment;
  readonly desk: Desk;
  readonly source: DiskSource;
  readonly transport: ServerExchangeOptions["transport"];
  readonly engine: ServerExchangeOptions["engine"] | undefined;
  readonly tell: ServerExchangeOptions["tell"];
  readonly currentLife: () => Life;
  readonly currentPower: () => Power;
  readonly onEnd: OnEnd;
  /** For notes of the DHCP client. */
  readonly workDirectory: string;
  /** Starts desktops over the network, on the links it chooses. */
  readonly netboot: Netboot | undefined;
  /** Gives the key to desktops without it, on these cards; undefined: none. */
  readonly pairing: { readonly macs: readonly string[]; readonly desk: Pairing } | undefined;
  /** Whether a person here wishes that the desktop shuts down; it hears of it now. */
  readonly takeEndWish: () => boolean;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #askers = new RecentAskers();
  readonly #meter: Meter;
  /** Names of links and addresses. */
  readonly #listening: string[] = [];
  /** By links, for a computer on their cables. */
  readonly #pages = new Map<string, string>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#meter = new Meter(options.system);
  }

  /**
   * Runs until `signal` aborts. Never rejects.
   * @param addresses of this machine, beside its links; "dhcp": all that DHCP gives
   */
  async run(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    const { system, console, desk } = this.#options;
    const reportFirmware = createFirmwareReport(system, { console, signal });
    await Promise.all([
      runOnLinks({
        system,
        console,
        signal,
        mtu: this.#options.environment.parameters.mtu,
        vlan: this.#options.environment.settings.vlan,
        onLinks: (links) => {
          void desk.restoreAddress(links);
          reportFirmware(links);
        },
        work: (link, linkSignal) => this.#serveLink(link, linkSignal, addresses),
      }),
      ...addresses.filter((address) => address !== byDhcp).map((address) =>
        this.#serveForever(address, signal, () => this.#listenOnAddress(address, signal))
      ),
      this.#serveForever("The state page", signal, () => this.#listenForPage(signal)),
    ]);
  }

  async #serveLink(link: UsableLink, signal: AbortSignal, addresses: readonly string[]): Promise<void> {
    const { system, console, environment, desk } = this.#options;
    const place = { address: link.address, link: link.name, port: BOOT_EXCHANGE_PORT, signal };
    await using _listener = this.#listenForExchange(place, () => ({ kind: "link", link: link.name }));
    await using _pairing = this.#listenForPairing(link, signal);
    using _listed = this.#list(link.name);
    // For a browser or curl(1) on the other end, which has another name for the link.
    const page = `http://[${link.address}%25LINK]:${STATUS_PORT}/`;
    this.#pages.set(link.name, page);
    using _shown = { [Symbol.dispose]: () => void this.#pages.delete(link.name) };
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const netboot = this.#options.netboot?.serveLink(link, until);
    const addressed = this.#takeAddress(link, until, addresses);
    try {
      await answerDiscovery({
        link,
        signal,
        console,
        givesKey: this.#options.pairing?.macs.includes(link.mac) ?? false,
        nowMs: () => system.monotonicMs(),
        discoveryKey: environment.keys.discoveryKey,
        random: (size) => system.randomBytes(size),
        currentOffer: () => ({
          state: desk.hasRoom ? "serving" : "busy",
          tcpPort: BOOT_EXCHANGE_PORT,
          name: environment.machineName,
        }),
        onListening: () =>
          console.sayRarely(`State, for a computer on the cable of ${link.name}: ${page} (LINK: its name there)`),
        onAnswered: (outcome, source) => {
          if (outcome.kind === "offered" && outcome.isFresh) this.#askers.note(source, system.monotonicMs());
        },
      });
    } finally {
      over.abort();
      await Promise.all([netboot, addressed]);
    }
  }

  /**
   * An address is asked for where one is listened on. A card that starts desktops has its own, where another machine
   * gives any.
   */
  async #takeAddress(link: UsableLink, signal: AbortSignal, addresses: readonly string[]): Promise<void> {
    const { system, console, environment, workDirectory, pairing } = this.#options;
    if (addresses.length === 0 || pairing?.macs.includes(link.mac)) return;
    await keepDhcpAddress(
      {
        ...{ system, console, workDirectory, name: environment.machineName },
        ...!addresses.includes(byDhcp) ? {} : {
          use: (address: string, until: AbortSignal) =>
            this.#serveForever(address, until, () => this.#listenOnAddress(address, until)),
        },
      },
      link,
      signal,
    );
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
        security: this.#options.environment.settings.security ?? defaultSecurity,
        transport: this.#options.transport,
        ...this.#options.engine === undefined ? {} : { engine: this.#options.engine },
        tell: this.#options.tell,
      };
      return serveExchange(stream, options);
    });
  }

  #listenForPairing(link: UsableLink, signal: AbortSignal): StreamListener | undefined {
    const { pairing } = this.#options;
    if (!pairing?.macs.includes(link.mac)) return undefined;
    const place = { address: link.address, link: link.name, port: PAIRING_PORT, signal, maximumConnections: 8 };
    return listenStream(place, (stream) => pairing.desk.serve(stream));
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
    const place = {
      ...{ address: "::", port: STATUS_PORT, signal },
      ...{ idleTimeoutMs: 5_000, maximumConnections: 8 },
      // Strangers cannot keep the desktop out.
      isExpected: (address: string) => this.#lendingTo(address) !== undefined,
    };
    await using listener = listenStream(
      place,
      (stream) =>
        servePage(stream, {
          port: STATUS_PORT,
          names: [this.#options.environment.machineName, imageHostName],
          answer: (request, ends) => this.#answer(request, ends),
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

  async #answer(request: PageRequest, ends: PageEnds): Promise<Page | undefined> {
    const { environment, desk, takeEndWish } = this.#options;
    const lending = this.#lendingTo(ends.remoteAddress);
    const audience = judgeAudience(ends, lending?.desktopAddress);
    if (request.path === endPath && audience === "desktop") return answerEnd(takeEndWish(), lending?.tunnelKey);
    if (request.path === storePath && audience === "desktop") return answerStore(lending?.store);
    const path = findStatusPath(request.path);
    if (path === undefined) return undefined;
    // A stranger does not even make this machine look at anything.
    const isStranger = audience === "stranger";
    const status = isStranger
      ? reportInShort({ name: environment.machineName, isFree: desk.isFree })
      : await this.report(lending);
    return await answerStatus(status, path, request);
  }

  /** Where people see the status: on the desktop that has the disk, else on the cables. */
  listAddresses(): readonly string[] {
    const onDesktops = this.#options.desk.lendings.flatMap(({ linkAddress, lease: { holder } }) =>
      linkAddress === undefined ? [] : [`http://${describeEndpoint(linkAddress, STATUS_PORT)}/ (on "${holder.name}")`]
    );
    if (onDesktops.length > 0) return onDesktops;
    return [...this.#pages.values()].map((page) => `${page} (LINK: the card's name there)`);
  }

  /** That of the desktop which has this address in its session. */
  #lendingTo(address: string): Lending | undefined {
    return this.#options.desk.lendings.find(({ desktopAddress }) => desktopAddress === address);
  }

  /** All that is to be known. Never rejects. @param lending to the desktop that asks; else the first */
  async report(lending: Lending | undefined = this.#options.desk.lendings[0]): Promise<Status> {
    const { system, environment, desk, currentLife, currentPower } = this.#options;
    const { disk } = currentLife();
    const path = lending?.disk ?? disk?.path;
    const reading = await this.#meter.read({
      ...path === undefined ? {} : { diskName: path.slice(path.lastIndexOf("/") + 1) },
      ...lending?.linkName === undefined ? {} : { linkName: lending.linkName },
    });
    return reportInFull({
      name: environment.machineName,
      version,
      isFree: desk.isFree,
      life: currentLife(),
      lending,
      guests: desk.lendings.filter(({ lease }) => lease.isGuest),
      diskErrors: desk.diskErrors,
      reading,
      power: currentPower(),
      onEnd: this.#options.onEnd,
      listening: this.#listening,
      wallClockMs: system.wallClockMs(),
    });
  }
}
