/**
 * The autokexec agent: hears desktops and network cards, and carries out what lib/protocol/autokexec_session.ts
 * decides.
 */
import { isKernelLoaded, unloadKernel } from "../../lib/boot/kexec.ts";
import {
  type AutokexecAction,
  type AutokexecEvent,
  type AutokexecState,
  presenceOf,
  stepAutokexec,
} from "../../lib/protocol/autokexec_session.ts";
import type { AutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import { describeError, UserError } from "../../lib/errors.ts";
import { type LoadedImage, loadImage, type LoadOptions, reloadIfChanged } from "../../lib/restart/restart.ts";
import { findObstacle, isGoingOn, isStarting, shutDownIntoKernel } from "../../lib/restart/shut_down.ts";
import { type Link, readUptimeSeconds } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { aborted } from "../shared/aborted.ts";
import { answerDiscovery } from "../shared/answer_discovery.ts";
import { runOnLinks, type UsableLink } from "../shared/links.ts";
import { Announcer } from "./announce.ts";
import { createCardWatch } from "./card_watch.ts";
import { createCardRaiser } from "../shared/raise_cards.ts";
import { type AutokexecEnvironment, readAutokexecEnvironment } from "./environment.ts";
import type { AutokexecOptions } from "./options.ts";
import { createSleeplessClock } from "./sleepless_clock.ts";

export interface AutokexecDependencies {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
}

/** Runs until `signal` aborts; at once over on a desktop. @throws {UserError} */
export async function runAutokexec(options: AutokexecOptions, dependencies: AutokexecDependencies): Promise<void> {
  const environment = await readAutokexecEnvironment(dependencies.system, options);
  if (environment === undefined) {
    dependencies.console.say("This system runs on a desktop, its disk is in use already: nothing to do");
    return;
  }
  await new Autokexec(dependencies, environment, options.joinDirectory).run();
}

/** A countdown that took so much longer than it should has slept: more than a busy machine is late. */
const sleepSeconds = 10;

class Autokexec {
  readonly #dependencies: AutokexecDependencies;
  readonly #environment: AutokexecEnvironment;
  readonly #announcer: Announcer;
  readonly #tasks = new Set<Promise<void>>();
  /** Actions of one event come after those of the event before. */
  #actions = Promise.resolve();
  #loading = Promise.resolve();
  #loaded: LoadedImage | undefined;
  readonly #loadOptions: LoadOptions;
  #state: AutokexecState = { name: "listening" };
  /** Ends the wait of the countdown. */
  #countdown = new AbortController();

  constructor(dependencies: AutokexecDependencies, environment: AutokexecEnvironment, joinDirectory: string) {
    this.#dependencies = dependencies;
    this.#loadOptions = { directory: joinDirectory, say: (line) => dependencies.console.say(line) };
    this.#environment = environment;
    this.#announcer = new Announcer(dependencies, () => this.#handle({ kind: "cancelled" }));
  }

  async run(): Promise<void> {
    const { system, console, signal } = this.#dependencies;
    const { settings } = this.#environment;
    const obstacle = await findObstacle(system);
    if (obstacle !== undefined) console.say(`This machine cannot become a stiefelsystem at the moment: ${obstacle}`);
    else if (await isKernelLoaded(system)) {
      console.say("A kernel is loaded already: a restart may lead into it. To take it out: sudo kexec --unload");
    }
    const raise = createCardRaiser(system, { console, signal, purpose: "hear desktops" });
    const startSeconds = await readUptimeSeconds(system) - system.monotonicMs() / 1000;
    const watch = createCardWatch(settings.macs, await isStarting(system) ? startSeconds : 0);
    let isDutySaid = false;
    const onLinks = (links: readonly Link[]): void => {
      // Not before: from now on it counts what appears.
      if (!isDutySaid) console.say(describeDuty(settings));
      isDutySaid = true;
      if (settings.listens) this.#track(raise(links));
      const mac = watch(links, startSeconds + system.monotonicMs() / 1000);
      if (mac !== undefined) this.#handle({ kind: "triggered", trigger: { kind: "card", mac } });
    };
    await runOnLinks({
      system,
      console,
      signal,
      onLinks,
      planBringUp: () => [],
      work: (link, linkSignal) => settings.listens ? this.#listenOn(link, linkSignal) : aborted(linkSignal),
    });
    this.#handle({ kind: "stopped" });
    await this.#announcer.withdraw();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  /** Answers desktops on one link until it goes. */
  async #listenOn(link: UsableLink, signal: AbortSignal): Promise<void> {
    const { system, console } = this.#dependencies;
    await answerDiscovery({
      link,
      signal,
      console,
      nowMs: createSleeplessClock(system),
      discoveryKey: this.#environment.discoveryKey,
      random: (size) => system.randomBytes(size),
      currentOffer: () => ({
        state: presenceOf(this.#state, system.monotonicMs()),
        tcpPort: 0,
        name: this.#environment.name,
      }),
      onAnswered: (outcome) => {
        if (outcome.kind === "claimed") {
          this.#handle({ kind: "triggered", trigger: { kind: "claim", desktopName: outcome.clientName } });
        }
      },
    });
  }

  #handle(event: AutokexecEvent): void {
    const { system } = this.#dependencies;
    const moment = { nowMs: system.monotonicMs(), countdownSeconds: this.#environment.settings.countdownSeconds };
    const { state, actions } = stepAutokexec(this.#state, event, moment);
    if (state.name !== this.#state.name) this.#leave();
    this.#state = state;
    this.#actions = this.#actions.then(() => this.#carryOut(actions));
    this.#track(this.#actions);
  }

  /** What belongs to a state ends with it. */
  #leave(): void {
    this.#countdown.abort();
    this.#track(this.#announcer.withdraw());
  }

  async #carryOut(actions: readonly AutokexecAction[]): Promise<void> {
    for (const action of actions) await this.#perform(action);
  }

  async #perform(action: AutokexecAction): Promise<void> {
    const { console } = this.#dependencies;
    switch (action.kind) {
      case "report":
        return console.say(action.text);
      case "announce":
        console.say(action.text);
        return this.#track(this.#announcer.announce(action.text, { isCancellable: action.isCancellable }));
      case "start-countdown":
        return this.#track(this.#countDown(action.seconds));
      case "load":
        this.#loading = this.#load();
        return this.#track(this.#loading);
      case "unload":
        return await this.#unload();
      case "execute":
        return this.#track(this.#execute());
    }
  }

  async #load(): Promise<void> {
    const { system } = this.#dependencies;
    try {
      this.#loaded = await loadImage(system, this.#environment.settings, this.#loadOptions);
      this.#handle({ kind: "loaded" });
    } catch (error) {
      this.#handle({ kind: "load-failed", message: describeFailure(error) });
    }
  }

  async #unload(): Promise<void> {
    const { system, console } = this.#dependencies;
    await this.#loading;
    await unloadKernel(system).catch((error) => console.say(`Cannot unload the image: ${describeError(error)}`));
  }

  async #countDown(seconds: number): Promise<void> {
    const { system, console, signal } = this.#dependencies;
    if (this.#state.name !== "counting-down") return; // a user said no at once
    this.#countdown = new AbortController();
    const no = AbortSignal.any([this.#countdown.signal, signal]);
    let passedSeconds: number;
    try {
      // Our own clock stands still while the machine is suspended; the kernel's uptime goes on.
      const startSeconds = await readUptimeSeconds(system);
      await system.delay(seconds * 1000, no);
      passedSeconds = await readUptimeSeconds(system) - startSeconds;
    } catch (error) {
      if (no.aborted) return; // a user said no
      console.say(`Cannot see how much time has passed: ${describeError(error)}`);
      passedSeconds = Infinity;
    }
    if (no.aborted) return;
    this.#handle({ kind: passedSeconds > seconds + sleepSeconds ? "slept" : "countdown-over" });
  }

  async #execute(): Promise<void> {
    const { system, signal } = this.#dependencies;
    try {
      if (this.#loaded !== undefined) {
        await reloadIfChanged(system, this.#loaded, this.#environment.settings, this.#loadOptions);
      }
      await shutDownIntoKernel(system);
    } catch (error) {
      // The shutdown ends us; that is no failure. Who stops the service at the last moment still means no.
      const isRunning = !signal.aborted || await isGoingOn(system).catch(() => false);
      if (isRunning) this.#handle({ kind: "execute-failed", message: describeFailure(error) });
    }
  }

  #track(task: Promise<void>): void {
    const tracked: Promise<void> = task.catch((error) =>
      this.#dependencies.console.say(`Unexpected: ${describeError(error)}`)
    )
      .finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }
}

/** What the agent is there for, in one line. */
function describeDuty({ listens, macs, countdownSeconds }: AutokexecSettings): string {
  const waits = [
    ...listens ? ["a desktop with the same key"] : [],
    ...macs.length > 0 ? [`one of the network cards ${macs.join(", ")}`] : [],
  ];
  return waits.length === 0
    ? "Waiting for nothing: the settings name neither desktops nor network cards"
    : `Waiting for ${waits.join(" or ")}; the restart is announced ${countdownSeconds} s before`;
}

function describeFailure(error: unknown): string {
  return [describeError(error), ...error instanceof UserError ? error.hints : []].join("; ");
}
