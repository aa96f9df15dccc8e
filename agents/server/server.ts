/**
 * The server agent: lends the disk, and when the desktop is done, reboots, powers off or waits as configured. life.ts
 * decides what follows what.
 */
import { isTransportSetting } from "../../lib/export/choose_transport.ts";
import type { TransportSetting } from "../../lib/protocol/session_groups.ts";
import { DiskError } from "../../lib/disk/disk_error.ts";
import { releaseLeftovers } from "../../lib/disk/leftovers.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import { mayChangeTerminal } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Console } from "../shared/console.ts";
import { type Environment, readEnvironment } from "../shared/environment.ts";
import type { Power } from "./battery.ts";
import { Desk } from "./desk.ts";
import { type EndFact, type EndRequest, noEndRequest, stepEndRequest } from "./end_request.ts";
import { describeHandover, readHandover } from "./handed_over.ts";
import {
  type Circumstances,
  countLeftMs,
  type Deed,
  type Fact,
  type Life,
  type LifeRules,
  phaseOf,
  startLife,
  stepLife,
} from "./life.ts";
import type { ServerOptions } from "./options.ts";
import { formatServerPage } from "./server_page.ts";
import { type LendingEngine, readLendingEngine } from "./lending_engine.ts";
import { cutPublicInitrd } from "./netboot/files.ts";
import { Netboot } from "./netboot/netboot.ts";
import { Pairing } from "./pairing.ts";
import { Reception } from "./reception.ts";
import { createDiskSource, type HandedOver, PreparedSource, type WatchedSource } from "./source.ts";
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
  // The same as on the laptop's own system, so that a person who has chosen this laptop finds it again.
  const machineName = environment.settings.name ?? handedOver?.handover.name ?? environment.machineName;
  const engine = await readLendingEngine(dependencies.system, environment.settings, options.settingsPath);
  await new Server(options, dependencies, { environment: { ...environment, machineName }, handedOver, engine }).run();
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
  console.say(`The handover of this laptop's own system cannot be used (${reading.why}): the server reads its disk`);
  return undefined;
}

const pageIntervalMs = 2_000;
/** How soon the console tells that a wish is over. */
const wishIntervalMs = 2_000;

/** How long closing and writing may take before the machine ends all the same. */
const closeTimeoutMs = 60_000;

/** How long init may take to end the machine. */
const endTimeoutMs = 120_000;

class Server {
  readonly #dependencies: ServerDependencies;
  readonly #environment: Environment;
  readonly #listen: readonly string[];
  readonly #rules: LifeRules;
  readonly #source: PreparedSource;
  readonly #desk: Desk;
  readonly #pairing: Pairing | undefined;
  readonly #netboot: Netboot | undefined;
  readonly #reception: Reception;
  readonly #workDirectory: string;
  /** Everything that runs until the server closes. */
  readonly #over = new AbortController();
  readonly #stop: AbortSignal;
  readonly #running: Promise<void>[] = [];
  readonly #closing = Promise.withResolvers<void>();
  #life: Life;
  #power: Power = { kind: "mains" };
  #endRequest: EndRequest = noEndRequest;

  constructor(
    options: ServerOptions,
    dependencies: ServerDependencies,
    { environment, handedOver, engine }: {
      readonly environment: Environment;
      readonly handedOver: HandedOver | undefined;
      readonly engine: LendingEngine | undefined;
    },
  ) {
    const { system, console } = dependencies;
    const { settings, parameters } = environment;
    this.#dependencies = dependencies;
    this.#environment = environment;
    this.#stop = AbortSignal.any([dependencies.signal, this.#over.signal]);
    const fromKernel = parameters.listen === undefined ? [] : [parameters.listen];
    this.#listen = options.listen.length > 0 ? options.listen : fromKernel;
    this.#rules = {
      name: environment.machineName,
      onEnd: options.onEnd ?? parameters.onEnd ?? settings.onEnd,
      clientTimeoutSeconds: options.clientTimeoutSeconds ?? parameters.clientTimeoutSeconds ?? 0,
    };
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
      onFree: (isDone) => this.#tellLater({ kind: "freed", isDone }),
      onStay: (lease) => this.#tellLater(phaseOf(lease)),
      onLost: (lost) => this.#tellLater({ kind: "lost", ...lost }),
    });
    this.#life = startLife(system.monotonicMs());
    const { netboot } = settings;
    const { sharedKey } = environment.keys;
    this.#pairing = netboot && new Pairing({ system, console, sharedKey, name: environment.machineName });
    this.#netboot = netboot && new Netboot({
      system,
      console,
      macs: netboot.macs,
      workDirectory: options.workDirectory,
      cutInitrd: () => cutPublicInitrd(system, options.workDirectory),
    });
    this.#reception = new Reception({
      system,
      console,
      environment,
      desk: this.#desk,
      source: this.#source,
      transport: readTransport(settings.transport),
      engine,
      tell: async (fact) => void await this.#tell(fact),
      currentLife: () => this.#life,
      currentPower: () => this.#power,
      onEnd: this.#rules.onEnd,
      workDirectory: options.workDirectory,
      netboot: this.#netboot,
      pairing: netboot && this.#pairing && { macs: netboot.macs, desk: this.#pairing },
      takeEndWish: () => {
        this.#noteEnd({ kind: "heard" });
        return this.#endRequest.kind === "asked";
      },
    });
  }

  async run(): Promise<void> {
    const { system, console, signal } = this.#dependencies;
    for (const name of this.#environment.unknownParameters) console.say(`The kernel parameter "${name}" is not known`);
    const mayWatchKeys = await mayChangeTerminal(system);
    await this.#tell({ kind: "adopted", ...await this.#desk.adopt() });
    this.#running.push(
      // Before a line says what a key does: one that is pressed earlier is echoed into the lines.
      ...mayWatchKeys ? [this.#watchKeys()] : [],
      this.#reception.run(this.#listen, this.#stop),
      ...this.#netboot === undefined ? [] : [this.#netboot.run(this.#stop)],
      this.#watchTime(),
      this.#showPage(),
      watchBattery(system, { console, signal: this.#stop, onPower: (power) => this.#power = power }),
    );
    try {
      await Promise.race([this.#closing.promise, rejectWhenAborted(signal)]);
    } catch (error) {
      await this.#close();
      throw error;
    }
    // The machine ends whatever goes wrong here: init unmounts and syncs once more.
    await this.#withinLimit("Closing everything", this.#close());
    await this.#tell({ kind: "closed" });
  }

  /** Lets life go on by a fact. @returns what followed from it, done when this resolves */
  async #tell(fact: Fact): Promise<readonly Deed[]> {
    const { life, deeds } = stepLife(this.#life, fact, this.#rules, this.#circumstances());
    this.#life = life;
    for (const deed of deeds) await this.#carryOut(deed);
    return deeds;
  }

  /** On a screen; on a serial line it is the lines that tell. */
  async #showPage(): Promise<void> {
    const { system, console } = this.#dependencies;
    if (!console.isScreen) return;
    while (!this.#stop.aborted) {
      const status = await this.#reception.report();
      const addresses = this.#reception.listAddresses();
      console.page(formatServerPage({ status, end: this.#rules, addresses, pairing: this.#pairing?.shown() }));
      await system.delay(pageIntervalMs, this.#stop).catch(() => {});
    }
    console.page(undefined);
  }

  async #watchKeys(): Promise<void> {
    const { console } = this.#dependencies;
    const onKey = (text: string): void => {
      if (text.toLowerCase() === "c") this.#pairing?.renew();
      this.#noteEnd({ kind: "key", text });
    };
    await Promise.all([console.watchKeys(onKey, this.#stop), this.#watchWish()]);
  }

  /** On serial lines, too, where no page is drawn. */
  async #watchWish(): Promise<void> {
    while (!this.#stop.aborted) {
      await this.#dependencies.system.delay(wishIntervalMs, this.#stop).catch(() => {});
      this.#noteEnd({ kind: "looked-at" });
      this.#pairing?.shown();
    }
  }

  #noteEnd(fact: EndFact): void {
    const { system, console } = this.#dependencies;
    const leases = this.#desk.lendings.map(({ lease }) => lease);
    // All guests are asked.
    const desktop = leases.length === 0 ? undefined : {
      name: leases.map(({ holder }) => holder.name).join(", "),
      sinceMs: Math.max(...leases.map(({ sinceMs }) => sinceMs)),
    };
    const { request, say } = stepEndRequest(this.#endRequest, fact, { nowMs: system.monotonicMs(), desktop });
    this.#endRequest = request;
    for (const line of say) console.say(line);
  }

  #tellLater(fact: Fact): void {
    void this.#tell(fact).catch((error) => this.#dependencies.console.say(describeError(error)));
  }

  #circumstances(): Circumstances {
    return { nowMs: this.#dependencies.system.monotonicMs(), isFree: this.#desk.isFree };
  }

  async #carryOut(deed: Deed): Promise<void> {
    const { system, console } = this.#dependencies;
    switch (deed.kind) {
      case "say":
        for (const line of deed.lines) console.say(line);
        return;
      case "mark":
        return console.mark(deed.step);
      case "release-leftovers":
        return await releaseLeftovers(system, this.#workDirectory);
      case "drop-knowledge":
        return await this.#source.noteLent();
      case "look-at-disk":
        this.#running.push(this.#lookAtDisk());
        return;
      case "look-again":
        return; // by #lookAtDisk
      case "prepare":
        // A desktop may have come since this was decided.
        return this.#desk.isFree ? await this.#source.prepare(deed.disk) : undefined;
      case "close":
        return this.#closing.resolve();
      case "end-machine":
        return await this.#endMachine(deed);
    }
  }

  async #lookAtDisk(): Promise<void> {
    const backoff = createBackoff({ firstMs: 250, maximumMs: 10_000 });
    while (!this.#stop.aborted) {
      const deeds = await this.#tell(await this.#inspect());
      if (!deeds.some(({ kind }) => kind === "look-again")) return;
      await this.#dependencies.system.delay(backoff.next(), this.#stop).catch(() => {});
    }
  }

  async #inspect(): Promise<Fact> {
    try {
      return { kind: "disk-looked-at", disk: await this.#source.inspect() };
    } catch (error) {
      const mayCome = error instanceof DiskError && error.code === "no-device";
      const hints = error instanceof UserError ? error.hints : [];
      return { kind: "disk-failed", reason: describeError(error), hints, mayCome };
    }
  }

  async #watchTime(): Promise<void> {
    while (!this.#stop.aborted) {
      const leftMs = countLeftMs(this.#life, this.#rules, this.#circumstances());
      if (leftMs === undefined) return;
      if (leftMs === 0) return void await this.#tell({ kind: "time-passed" });
      await this.#dependencies.system.delay(leftMs, this.#stop).catch(() => {});
    }
  }

  async #close(): Promise<void> {
    this.#over.abort(new DOMException("The agent ends", "AbortError"));
    try {
      await this.#desk.close();
    } finally {
      await Promise.all(this.#running);
      await this.#source[Symbol.asyncDispose]();
    }
  }

  /** Waits for work that is not worth more than a word when it fails or takes too long. */
  async #withinLimit(what: string, work: Promise<unknown>): Promise<void> {
    const { system, console } = this.#dependencies;
    const over = new AbortController();
    const late = system.delay(closeTimeoutMs, over.signal).then(
      () => console.say(`${what} takes longer than ${closeTimeoutMs / 1000} s: the server goes on without it`),
      () => {},
    );
    const done = work.catch((error) => console.say(`${what} failed: ${describeError(error)}`));
    await Promise.race([done, late]);
    over.abort();
  }

  async #endMachine({ command }: Extract<Deed, { kind: "end-machine" }>): Promise<void> {
    const { system, signal } = this.#dependencies;
    await this.#withinLimit("Writing what is in memory", system.run(["sync"]));
    // That of the image's init (busybox), which takes devices down first.
    await system.run([command], { timeoutMs: 120_000 });
    // init ends us; coming back by ourselves would have us started again.
    await system.delay(endTimeoutMs, signal);
    const what = command === "reboot" ? "restart" : "switch off";
    throw new UserError(`This machine did not ${what} within ${endTimeoutMs / 1000} s`, {
      hints: ["Hold its power key down: the disk is not in use any more"],
    });
  }
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** @throws {UserError} for one that this agent does not know */
function readTransport(name = "auto"): TransportSetting {
  if (isTransportSetting(name)) return name;
  throw new UserError(`The settings have the transport "${name}", which this agent does not know`);
}
