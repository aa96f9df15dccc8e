/** The server agent: answers on every link, lends the disk, and does what is wanted when the desktop is done. */
import { releaseLeftovers } from "../../lib/disk/leftovers.ts";
import type { DiskReport } from "../../lib/disk/inspect_disk.ts";
import { DiskError } from "../../lib/disk/disk_error.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import { describeEndpoint } from "../../lib/net/address.ts";
import { type DatagramLink, openDatagramLink } from "../../lib/net/datagram_link.ts";
import { listenStream, type StreamListener } from "../../lib/net/listen.ts";
import { servePage } from "../../lib/net/status_page.ts";
import { BOOT_EXCHANGE_PORT } from "../../lib/protocol/boot_exchange.ts";
import { DISCOVERY_GROUP, DISCOVERY_PORT } from "../../lib/protocol/discovery.ts";
import { DiscoveryResponder } from "../../lib/protocol/discovery_responder.ts";
import type { OnEnd } from "../../lib/formats/kernel_command_line.ts";
import { declineBusy } from "../../lib/protocol/secure_channel.ts";
import { describeServiceEnd } from "../../lib/service_end.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../shared/backoff.ts";
import type { Console } from "../shared/console.ts";
import { type Environment, readEnvironment } from "../shared/environment.ts";
import { runOnLinks, type UsableLink } from "../shared/links.ts";
import { version } from "../../lib/version.ts";
import { Desk, type LostExport } from "./desk.ts";
import { serveExchange, type ServerExchangeOptions } from "./exchange.ts";
import { waitUntilIdle } from "./idle.ts";
import { describeLostExport } from "./lost_export.ts";
import type { ServerOptions } from "./options.ts";
import { RecentAskers } from "./recent_askers.ts";
import type { Arrival } from "../../lib/export/session_plan.ts";
import { describeHandover, readHandover } from "./handed_over.ts";
import { createDiskSource, type HandedOver, PreparedSource, type WatchedSource } from "./source.ts";
import {
  answerStateRequest,
  describeDisk,
  describePhase,
  type Phase,
  type ServerState,
  statePagePort,
} from "./state.ts";
import { watchBattery } from "./watch_battery.ts";

export interface ServerDependencies {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
  /** Instead of the disk of this machine: for tests. */
  readonly source?: WatchedSource;
}

/** Runs until `signal` aborts, or the desktop is done and `onEnd` ends this machine. @throws {UserError} */
export async function runServer(options: ServerOptions, dependencies: ServerDependencies): Promise<void> {
  dependencies.console.mark("agent");
  const environment = await readEnvironment(dependencies.system, { role: "server", ...options });
  const handedOver = await takeHandover(options.handoverDirectory, dependencies);
  await new Server(options, dependencies, { environment, handedOver }).run();
}

/** Says what came with the image, and why it cannot be used. */
async function takeHandover(
  directory: string,
  { system, console }: ServerDependencies,
): Promise<HandedOver | undefined> {
  const reading = await readHandover(system, directory);
  if (reading.kind === "none") return undefined;
  if (reading.kind === "usable") {
    console.say(describeHandover(reading.handover));
    return { directory, handover: reading.handover };
  }
  console.say(`What this laptop's own system has handed over cannot be used (${reading.why}): reading the disk`);
  return undefined;
}

/** How long a disk may take to appear before its absence is worth a word. */
const patienceMs = 5_000;

/** How long closing and writing may take before the machine ends all the same. */
const closeTimeoutMs = 60_000;

/** What the image calls itself (image/initrd/etc/hostname). */
const imageHostName = "stiefelsystem";

/** How long init may take to end the machine. */
const endTimeoutMs = 120_000;

class Server {
  readonly #dependencies: ServerDependencies;
  readonly #environment: Environment;
  readonly #listen: readonly string[];
  readonly #onEnd: OnEnd;
  /** 0: for ever. */
  readonly #clientTimeoutSeconds: number;
  readonly #source: PreparedSource;
  readonly #desk: Desk;
  readonly #workDirectory: string;
  #isWelcomeSaid = false;
  readonly #askers = new RecentAskers();
  readonly #done = Promise.withResolvers<void>();
  #state: ServerState;
  /** Since when nobody has the disk, if so. */
  #freeSinceMs: number;

  constructor(
    options: ServerOptions,
    dependencies: ServerDependencies,
    { environment, handedOver }: { readonly environment: Environment; readonly handedOver: HandedOver | undefined },
  ) {
    const { system, console } = dependencies;
    const { settings, parameters } = environment;
    this.#dependencies = dependencies;
    this.#environment = environment;
    const fromKernel = parameters.listen === undefined ? [] : [parameters.listen];
    this.#listen = options.listen.length > 0 ? options.listen : fromKernel;
    this.#onEnd = options.onEnd ?? parameters.onEnd ?? settings.onEnd;
    this.#clientTimeoutSeconds = options.clientTimeoutSeconds ?? parameters.clientTimeoutSeconds ?? 0;
    const source = dependencies.source ?? createDiskSource(system, {
      disk: options.disk ?? settings.boot.disk,
      part: settings.boot.part,
      load: settings.boot.load,
      workDirectory: options.workDirectory,
    }, handedOver);
    this.#source = new PreparedSource(source);
    this.#workDirectory = options.workDirectory;
    this.#desk = new Desk({
      system,
      console,
      directory: options.workDirectory,
      onFree: (isDone) => this.#onFree(isDone),
      onLost: (lost) => this.#onLost(lost),
    });
    this.#freeSinceMs = system.monotonicMs();
    this.#state = { name: environment.machineName, version, phase: { kind: "starting" }, listening: [] };
  }

  async run(): Promise<void> {
    const { system, console, signal } = this.#dependencies;
    for (const name of this.#environment.unknownParameters) console.say(`The kernel parameter "${name}" is not known`);
    const { lease, isDone } = await this.#desk.adopt();
    // What an agent before us had open when it failed would look like a use of the disk.
    if (lease === undefined) await releaseLeftovers(system, this.#workDirectory);
    // That desktop may have written to the disk.
    if (lease !== undefined || isDone) await this.#source.noteLent();
    if (lease !== undefined && this.#state.phase.kind !== "lost") {
      this.#setPhase({ kind: "lent", client: lease.holder, sinceMs: lease.sinceMs });
    }
    if (isDone) this.#sayDone();
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const running = [
      runOnLinks({
        system,
        console,
        signal: stop,
        onLinks: (links) => void this.#desk.restoreAddress(links),
        work: (link, linkSignal) => this.#serveLink(link, linkSignal),
      }),
      ...this.#listen.map((address) => this.#serveForever(address, stop, () => this.#listenOnAddress(address, stop))),
      this.#serveForever("The state page", stop, () => this.#listenForPage(stop)),
      // A disk that is lent is the desktop's: it is not even looked at.
      ...(lease === undefined ? [this.#lookAtDisk(stop)] : []),
      this.#waitForClient(stop),
      watchBattery(system, { console, signal: stop }),
    ];
    const close = async (): Promise<void> => {
      over.abort(new DOMException("The agent ends", "AbortError"));
      await this.#desk.close();
      await Promise.all(running);
      await this.#source[Symbol.asyncDispose]();
    };
    try {
      await Promise.race([this.#done.promise, aborted(signal)]);
    } catch (error) {
      await close();
      throw error;
    }
    // The machine ends whatever goes wrong here: init unmounts and syncs once more.
    await this.#withinLimit("Closing everything", close());
    await this.#endMachine();
  }

  /** Waits for work that is not worth more than a word when it fails or takes too long. */
  async #withinLimit(what: string, work: Promise<unknown>): Promise<void> {
    const { system, console } = this.#dependencies;
    const over = new AbortController();
    const late = system.delay(closeTimeoutMs, over.signal).then(
      () => console.say(`${what} takes longer than ${closeTimeoutMs / 1000} s: going on without`),
      () => {},
    );
    const done = work.catch((error) => console.say(`${what} went wrong: ${describeError(error)}`));
    await Promise.race([done, late]);
    over.abort();
  }

  /** Says what there is to serve before anybody asks, so that trouble is seen at once. A disk may appear later than we do. */
  async #lookAtDisk(signal: AbortSignal): Promise<void> {
    const { system } = this.#dependencies;
    const backoff = createBackoff({ firstMs: 250, maximumMs: 10_000 });
    const startMs = system.monotonicMs();
    for (let isSaid = false; !signal.aborted;) {
      try {
        return await this.#sayDisk(await this.#source.inspect());
      } catch (error) {
        const mayCome = error instanceof DiskError && error.code === "no-device";
        if (!isSaid && (!mayCome || system.monotonicMs() - startMs > patienceMs)) {
          this.#refuse(describeError(error), error instanceof UserError ? error.hints : []);
          isSaid = true;
        }
      }
      await system.delay(backoff.next(), signal).catch(() => {});
    }
  }

  async #sayDisk(disk: DiskReport): Promise<void> {
    this.#setDisk(disk);
    this.#dependencies.console.say(`Disk: ${describeDisk(disk)}`);
    for (const notice of disk.notices) this.#dependencies.console.say(notice);
    const [problem] = disk.problems;
    if (problem !== undefined) return this.#refuse(problem.message, []);
    if (this.#desk.isFree) this.#setPhase({ kind: "waiting" });
    this.#dependencies.console.mark("serving");
    this.#sayWelcome();
    this.#dependencies.console.say("Waiting for a desktop with the same key");
    await this.#prepare(disk);
    this.#dependencies.console.mark("prepared");
  }

  /** For a person at the laptop: what has become of it, and how it comes back. Once. */
  #sayWelcome(): void {
    const { console } = this.#dependencies;
    if (this.#isWelcomeSaid) return;
    this.#isWelcomeSaid = true;
    console.say(
      `This computer is the stiefelsystem server "${this.#state.name}": desktops with the same key use its disk.`,
    );
    const end = { onEnd: this.#onEnd, clientTimeoutSeconds: this.#clientTimeoutSeconds };
    for (const line of describeServiceEnd(end)) console.say(line);
  }

  /** Not while a desktop has the disk: what is opened here would stay open beside its export. */
  async #prepare(disk?: DiskReport): Promise<void> {
    if (this.#desk.isFree) await this.#source.prepare(disk);
  }

  #refuse(reason: string, hints: readonly string[]): void {
    this.#setPhase({ kind: "refusing", reason });
    for (const line of [describePhase(this.#state.phase), ...hints.map((hint) => `  ${hint}`)]) {
      this.#dependencies.console.say(line);
    }
  }

  async #serveLink(link: UsableLink, signal: AbortSignal): Promise<void> {
    const { system } = this.#dependencies;
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
    this.#dependencies.console.sayRarely(
      `State, for a computer on the cable of ${link.name}: ${page} (LINK: its name there)`,
    );
    const onAbort = (): void => datagrams.close();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const responder = new DiscoveryResponder({
      discoveryKey: this.#environment.keys.discoveryKey,
      random: (size) => system.randomBytes(size),
      currentOffer: () => ({
        state: this.#desk.isFree ? "serving" : "busy",
        tcpPort: BOOT_EXCHANGE_PORT,
        name: this.#state.name,
      }),
    });
    try {
      await this.#answerQuestions(link, datagrams, responder);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #answerQuestions(link: UsableLink, datagrams: DatagramLink, responder: DiscoveryResponder): Promise<void> {
    const { system, console } = this.#dependencies;
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
    const { system, console } = this.#dependencies;
    const isExpected = (address: string): boolean => this.#askers.has(`${address}%${place.link}`, system.monotonicMs());
    return listenStream({ ...place, farewell: declineBusy().reply, isExpected }, (stream) => {
      const options: ServerExchangeOptions = {
        system,
        console,
        bootPsk: this.#environment.keys.bootPsk,
        source: this.#source,
        desk: this.#desk,
        arrival: arrivalOf(stream),
        setPhase: (phase) => this.#setPhase(phase),
        setDisk: (disk) => this.#setDisk(disk),
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
    this.#dependencies.console.say(`Listening on ${describeEndpoint(address, listener.port)}`);
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
          names: [this.#state.name, imageHostName],
          answer: (request) => answerStateRequest(this.#state, request),
        }),
    );
    await listener.finished;
  }

  /** Keeps a listener running; an address may come later than we do. */
  async #serveForever(what: string, signal: AbortSignal, serve: () => Promise<void>): Promise<void> {
    const { system, console } = this.#dependencies;
    const backoff = createBackoff({ firstMs: 250, maximumMs: 10_000 });
    while (!signal.aborted) {
      await serve().catch((error) => console.sayRarely(`${what}: cannot listen yet: ${describeError(error)}`));
      if (!signal.aborted) await system.delay(backoff.next(), signal).catch(() => {});
    }
  }

  #list(place: string): Disposable {
    this.#state = { ...this.#state, listening: [...this.#state.listening, place] };
    return {
      [Symbol.dispose]: () => {
        const index = this.#state.listening.indexOf(place);
        this.#state = { ...this.#state, listening: this.#state.listening.toSpliced(index, 1) };
      },
    };
  }

  #setPhase(phase: Phase): void {
    this.#state = { ...this.#state, phase };
  }

  #setDisk({ path, model, sizeBytes }: NonNullable<ServerState["disk"]>): void {
    this.#state = { ...this.#state, disk: { path, sizeBytes, ...(model === undefined ? {} : { model }) } };
  }

  #onFree(isDone: boolean): void {
    this.#freeSinceMs = this.#dependencies.system.monotonicMs();
    this.#setPhase({ kind: "waiting" });
    if (isDone) this.#sayDone();
    if (!isDone || this.#onEnd === "wait") void this.#prepare();
  }

  #sayDone(): void {
    this.#dependencies.console.say("The desktop is done with the disk");
    if (this.#onEnd !== "wait") this.#done.resolve();
  }

  #onLost(lost: LostExport): void {
    const { lease, reason } = lost;
    this.#setPhase({ kind: "lost", client: lease.holder, sinceMs: lease.sinceMs, reason });
    for (const line of describeLostExport(lost)) this.#dependencies.console.say(line);
  }

  /** Ends this machine when nobody has had the disk for so long. Never rejects. */
  async #waitForClient(signal: AbortSignal): Promise<void> {
    const { system, console } = this.#dependencies;
    const timeoutMs = this.#clientTimeoutSeconds * 1000;
    if (timeoutMs === 0 || this.#onEnd === "wait") return;
    const freeSinceMs = (): number | undefined => this.#desk.isFree ? this.#freeSinceMs : undefined;
    if (!await waitUntilIdle(system, { timeoutMs, freeSinceMs, signal })) return;
    console.say(`No desktop for ${this.#clientTimeoutSeconds} s`);
    this.#done.resolve();
  }

  async #endMachine(): Promise<void> {
    const { system, console } = this.#dependencies;
    if (this.#onEnd === "wait") return;
    console.say(this.#onEnd === "reboot" ? "Starting this machine's own system" : "Switching off");
    this.#setPhase({ kind: "ended" });
    await this.#withinLimit("Writing what is in memory", system.run(["sync"]));
    // That of the image's init (busybox), which takes devices down first.
    await system.run([this.#onEnd], { timeoutMs: 120_000 });
    // init ends us; coming back by ourselves would have us started again.
    await system.delay(endTimeoutMs, this.#dependencies.signal);
    throw new UserError(
      `This machine did not ${this.#onEnd === "reboot" ? "restart" : "switch off"} within ${endTimeoutMs / 1000} s`,
      {
        hints: ["Hold its power key down: the disk is not in use any more"],
      },
    );
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
