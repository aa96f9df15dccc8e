/** Work that runs on every usable link at once and follows the links as they come and go. */
import { CommandError } from "../../lib/errors.ts";
import { type Link, watchLinks } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "./backoff.ts";
import type { Console } from "./console.ts";

/** A link with a carrier and an address of its own: datagrams can be sent on it. */
export interface UsableLink {
  readonly name: string;
  readonly index: number;
  readonly mac: string;
  readonly mtu: number;
  /** Link-local, without scope. */
  readonly address: string;
}

/** @returns undefined while the link cannot carry anything: loopback, no carrier, or its address is still being checked */
export function toUsableLink(link: Link): UsableLink | undefined {
  const address = link.addresses.find(({ family, scope, isTentative }) =>
    family === "ipv6" && scope === "link" && !isTentative
  );
  if (!isCandidate(link) || !link.isUp || !link.hasCarrier || address === undefined) return undefined;
  return { name: link.name, index: link.index, mac: link.mac, mtu: link.mtu, address: address.address };
}

/** A link a cable can be plugged into: has a MAC address of six bytes, which tunnels have not. */
export function isCandidate(link: Link): boolean {
  return !link.isLoopback && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(link.mac);
}

/** "fe80::" and the interface identifier made of the MAC address (RFC 4291 appendix A). */
export function linkLocalAddress(mac: string): string {
  const bytes = mac.split(":").map((part) => parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const group = (high: number, low: number): string => (high << 8 | low).toString(16);
  return `fe80::${group(a ^ 0x02, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

/**
 * The commands that bring a link up with an address that can be used at once. The kernel would spend one to two seconds on asking
 * whether somebody else has the address (RFC 4862, duplicate address detection); ours is made of the MAC address, and a duplicate
 * MAC on the link would break more than this.
 */
export function planBringUp(link: Link): readonly (readonly string[])[] {
  if (link.addresses.some(({ scope, family }) => scope === "link" && family === "ipv6")) {
    return [["ip", "link", "set", "dev", link.name, "up"]];
  }
  return [
    ["ip", "link", "set", "dev", link.name, "addrgenmode", "none"],
    ["ip", "link", "set", "dev", link.name, "up"],
    ["ip", "-6", "address", "replace", `${linkLocalAddress(link.mac)}/64`, "dev", link.name, "nodad"],
  ];
}

export interface RunOnLinksOptions {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
  /** Called with all links after each change. */
  readonly onLinks?: (links: readonly Link[]) => void;
  /** Runs as long as the link stays as it is; `signal` aborts when it goes. Tried again with backoff when it throws. */
  readonly work: (link: UsableLink, signal: AbortSignal) => Promise<void>;
}

/** Brings links up, and runs `work` on each usable one until `signal` aborts. Never rejects. */
export async function runOnLinks(options: RunOnLinksOptions): Promise<void> {
  const { system, console, signal } = options;
  const running = new Map<string, { readonly controller: AbortController; readonly finished: Promise<void> }>();
  const broughtUp = new Map<string, Promise<void>>();

  function update(links: readonly Link[]): void {
    options.onLinks?.(links);
    for (const link of links) {
      const key = `${link.name}/${link.index}`;
      if (link.isUp) broughtUp.delete(key);
      else if (isCandidate(link) && !broughtUp.has(key)) broughtUp.set(key, bringUp(system, console, link));
    }
    const wanted = new Map(links.flatMap((link) => {
      const usable = toUsableLink(link);
      return usable === undefined ? [] : [[JSON.stringify(usable), usable] as const];
    }));
    for (const [key, task] of running) {
      if (wanted.has(key)) continue;
      running.delete(key);
      task.controller.abort(new DOMException("The link is gone", "AbortError"));
    }
    for (const [key, link] of wanted) {
      if (running.has(key)) continue;
      const controller = new AbortController();
      running.set(key, { controller, finished: workOn(options, link, AbortSignal.any([controller.signal, signal])) });
    }
  }

  const backoff = createBackoff({ firstMs: 200, maximumMs: 10_000 });
  while (!signal.aborted) {
    try {
      await watchLinks(system, update, signal);
    } catch (error) {
      console.sayRarely(`Cannot see the network links: ${describeError(error)}`);
    }
    if (!signal.aborted) await system.delay(backoff.next(), signal).catch(() => {});
  }
  await Promise.all([...running.values()].map((task) => task.finished));
  await Promise.all(broughtUp.values());
}

async function workOn(options: RunOnLinksOptions, link: UsableLink, signal: AbortSignal): Promise<void> {
  const backoff = createBackoff({ firstMs: 200, maximumMs: 10_000 });
  while (!signal.aborted) {
    try {
      await options.work(link, signal);
      if (!signal.aborted) throw new Error("It ended by itself");
    } catch (error) {
      if (signal.aborted) return;
      options.console.sayRarely(`Link ${link.name}: ${describeError(error)}`);
      await options.system.delay(backoff.next(), signal).catch(() => {});
    }
  }
}

async function bringUp(system: System, console: Console, link: Link): Promise<void> {
  try {
    for (const argv of planBringUp(link)) await system.run(argv, { timeoutMs: 30_000 });
  } catch (error) {
    console.sayRarely(`Cannot bring link ${link.name} up: ${describeError(error)}`);
  }
}

/** One line of what went wrong. */
export function describeError(error: unknown): string {
  if (error instanceof CommandError) return error.message.split("\n").slice(0, 2).map((line) => line.trim()).join(": ");
  return error instanceof Error ? error.message : String(error);
}
