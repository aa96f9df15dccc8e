/** One try of the client agent: what it has, and what it leaves to the next. */
import type { Console } from "../shared/console.ts";
import type { Environment } from "../shared/environment.ts";
import type { System } from "../../lib/system/system.ts";
import type { UsedPlace } from "../../lib/second_boot/use_place.ts";
import type { ClientKey } from "./client_keys.ts";
import { type DesktopFacts, readDesktopFacts } from "./desktop_facts.ts";
import type { ChosenLaptop } from "./heard_laptops.ts";
import type { ClientOptions } from "./options.ts";
import { cleanStick } from "./second_boot.ts";

export interface ClientDependencies {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
}

/** What one try leaves to the next. */
export interface Memory {
  /** Whom a person has chosen. */
  chosen: ChosenLaptop | undefined;
  /** What is on the screen already. */
  page: string;
  /** A person wants the laptop's own boot loaders, from here on the stick. */
  secondBoot: UsedPlace | undefined;
  /** What an earlier one has left is removed; `endWaiting`: a stick that is not there is not waited for any more. */
  cleaning: { readonly done: Promise<void>; readonly endWaiting: () => void } | undefined;
  /** A person has agreed to start this, in place of the running system. */
  agreedTitle?: string;
  /** This desktop as it was looked at last. */
  desktop?: { readonly sinceMs: number; readonly facts: Promise<DesktopFacts> };
}

/** What was seen so long ago is looked at again: a card may have been plugged in. */
const lookAgainMs = 10_000;

/** Starts the look, unless it was a moment ago: it takes a while, which the search has. */
export function lookAtDesktop({ system, memory }: Pick<Attempt, "system" | "memory">): Promise<DesktopFacts> {
  const nowMs = system.monotonicMs();
  if (memory.desktop === undefined || nowMs - memory.desktop.sinceMs > lookAgainMs) {
    memory.desktop = { sinceMs: nowMs, facts: readDesktopFacts(system) };
  }
  return memory.desktop.facts;
}

export interface Attempt extends ClientDependencies {
  readonly options: ClientOptions;
  readonly environment: Environment;
  /** The own one first. */
  readonly keys: readonly ClientKey[];
  readonly memory: Memory;
}

export function startCleaning({ system, console, signal, environment }: Attempt): Memory["cleaning"] {
  const waiting = new AbortController();
  const machine = { system, console, signal: AbortSignal.any([signal, waiting.signal]) };
  return { done: cleanStick(machine, environment.parameters.stick), endWaiting: () => waiting.abort() };
}

export async function endCleaning({ cleaning }: Memory): Promise<void> {
  cleaning?.endWaiting();
  await cleaning?.done;
}

/** Whether what this desktop writes shall be thrown away. */
export function isTrying(options: Pick<ClientOptions, "mode">, { parameters, settings }: Environment): boolean {
  return (options.mode ?? parameters.mode ?? settings.mode) === "try";
}
