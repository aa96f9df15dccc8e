/** Work that runs on every usable link at once and follows the links as they come and go. */
import { isMac } from "../../lib/formats/address.ts";
import { describeError } from "../../lib/errors.ts";
import { type Link, listLinks, watchLinks } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Console } from "./console.ts";

/** A link with a carrier and an address of its own: datagrams can be sent on it. */
export interface UsableLink {
  readonly name: string;
  readonly index: number;
  readonly mac: string;
  /** Link-local, without scope. */
  readonly address: string;
}

/**
 * @returns undefined while the link cannot carry anything: loopback, no carrier, or its address is still being checked
 */
export function toUsableLink(link: Link): UsableLink | undefined {
  const address = link.addresses.find(({ family, scope, isTentative }) =>
    family === "ipv6" && scope === "link" && !isTentative
  );
  if (!isCandidate(link) || !link.isUp || !link.hasCarrier || address === undefined) return undefined;
  return { name: link.name, index: link.index, mac: link.mac, address: address.address };
}

/** A link a cable can be plugged into: has a MAC address of six bytes, which tunnels have not. */
export function isCandidate(link: Pick<Link, "isLoopback" | "mac">): boolean {
  return !link.isLoopback && isMac(link.mac);
}

/** What a link of a VLAN is called: the end of the card's name, so that the whole has at most 15 characters. */
export function vlanName(card: string, id: number): string {
  const end = `.${id}`;
  return card.slice(-(15 - end.length)) + end;
}

/** Whether desktops and laptops meet there: on each card, or, with a VLAN, on its links alone. */
export function isMeetingPlace(link: Link, vlan: number | undefined): boolean {
  return isCandidate(link) && (vlan === undefined || isOfVlan(link, vlan));
}

function isOfVlan({ name, lower }: Link, id: number): boolean {
  return lower !== undefined && name === vlanName(lower, id);
}

/** "fe80::" and the interface identifier made of the MAC address (RFC 4291 appendix A). */
export function linkLocalAddress(mac: string): string {
  const bytes = mac.split(":").map((part) => parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const group = (high: number, low: number): string => (high << 8 | low).toString(16);
  return `fe80::${group(a ^ 0x02, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

/**
 * The commands (ip-batch) that make a link usable; none when there is nothing to do but wait. The kernel would spend
 * one to two seconds on asking whether another machine has the address (RFC 4862, duplicate address detection); ours is
 * made of the MAC address, and a duplicate MAC on the link would break more than this.
 */
export function planBringUp(link: Link): readonly string[] {
  if (!isCandidate(link)) return [];
  const hasAddress = link.addresses.some(({ scope, family }) => scope === "link" && family === "ipv6");
  return [
    ...(link.isUp || hasAddress ? [] : [`link set dev ${link.name} addrgenmode none`]),
    ...(link.isUp ? [] : [`link set dev ${link.name} up`]),
    // Also on a link that is up without one: it was taken down meanwhile, and its address went with that.
    ...(hasAddress || (link.isUp && !link.hasCarrier)
      ? []
      : [`address replace ${linkLocalAddress(link.mac)}/64 dev ${link.name} nodad`]),
  ];
}

/** The same with a VLAN: each card is raised and gets a link of it, and that link an address. */
export function planVlan(link: Link, id: number, links: readonly Link[]): readonly string[] {
  if (isOfVlan(link, id)) return planBringUp(link);
  if (!isCandidate(link) || link.lower !== undefined) return [];
  const name = vlanName(link.name, id);
  return [
    ...(link.isUp ? [] : [`link set dev ${link.name} addrgenmode none`, `link set dev ${link.name} up`]),
    ...(links.some((other) => other.name === name)
      ? []
      : [`link add link ${link.name} name ${name} type vlan id ${id}`]),
  ];
}

/**
 * What cards are set to before they are raised, in bytes: jumbo frames, as most cards for 1 Gbit/s and more take them.
 * Image and agents do it (start-devices); what takes less stays as it is. TCP keeps to what the other end takes. For
 * tests, too.
 */
export const LARGE_MTU = 9000;

export interface RunOnLinksOptions {
  readonly system: System;
  readonly console: Console;
  readonly signal: AbortSignal;
  /** Called with all links after each change. */
  readonly onLinks?: (links: readonly Link[]) => void;
  /** What a card is set to before it is raised. Default: {@link LARGE_MTU} */
  readonly mtu?: number | undefined;
  /** Only on the links of this VLAN, which are made on each card; undefined: on the cards themselves. */
  readonly vlan?: number | undefined;
  /** What brings a link up. Default: `planBringUp` or `planVlan`, for a machine that is all ours. */
  readonly planBringUp?: (link: Link) => readonly string[];
  /**
   * Runs as long as the link stays as it is; `signal` aborts when it goes. Tried again with backoff when it throws.
   */
  readonly work: (link: UsableLink, signal: AbortSignal) => Promise<void>;
}

/** A driver may not be ready when its link appears, and need not report it when it is. */
const bringUpRetryMs = 2_000;

/** Brings links up, and runs `work` on each usable one until `signal` aborts. Never rejects. */
export async function runOnLinks(options: RunOnLinksOptions): Promise<void> {
  const { system, console, signal, vlan } = options;
  const running = new Map<string, { readonly controller: AbortController; readonly finished: Promise<void> }>();
  const bringingUp = new Map<string, Promise<void>>();

  function update(links: readonly Link[]): void {
    if (signal.aborted) return;
    options.onLinks?.(links);
    for (const link of links) {
      const commands = options.planBringUp?.(link) ??
        (vlan === undefined ? planBringUp(link) : planVlan(link, vlan, links));
      const key = `${link.name}/${link.index}`;
      if (commands.length === 0 || bringingUp.has(key)) continue;
      bringingUp.set(key, bringUpOrLookAgain(key, link, commands));
    }
    const linksByKey = new Map(links.flatMap((link) => {
      const usable = isMeetingPlace(link, vlan) ? toUsableLink(link) : undefined;
      return usable === undefined ? [] : [[JSON.stringify(usable), usable] as const];
    }));
    for (const [key, task] of running) {
      if (linksByKey.has(key)) continue;
      running.delete(key);
      task.controller.abort(new DOMException("The link is gone", "AbortError"));
    }
    for (const [key, link] of linksByKey) {
      if (running.has(key)) continue;
      const controller = new AbortController();
      running.set(key, { controller, finished: workOn(options, link, AbortSignal.any([controller.signal, signal])) });
    }
  }

  async function bringUpOrLookAgain(key: string, link: Link, commands: readonly string[]): Promise<void> {
    const isUp = await bringUp(options, link, commands);
    if (!isUp) await system.delay(bringUpRetryMs, signal).catch(() => {});
    bringingUp.delete(key);
    if (!isUp && !signal.aborted) await listLinks(system).then(update, () => {}); // the watch says what is wrong
  }

  const backoff = createBackoff({ firstMs: 200, maximumMs: 10_000 });
  while (!signal.aborted) {
    try {
      await watchLinks(system, update, signal);
    } catch (error) {
      if (!signal.aborted) console.sayRarely(`Cannot see the network links: ${describeError(error)}`);
    }
    if (!signal.aborted) await system.delay(backoff.next(), signal).catch(() => {});
  }
  await Promise.all([...running.values()].map((task) => task.finished));
  await Promise.all(bringingUp.values());
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

/** @returns whether it worked */
async function bringUp(
  { system, console, mtu = LARGE_MTU }: RunOnLinksOptions,
  link: Link,
  commands: readonly string[],
): Promise<boolean> {
  try {
    if (!link.isUp && link.mtu < mtu) {
      const argv = ["ip", "link", "set", "dev", link.name, "mtu", `${mtu}`];
      await system.run(argv, { timeoutMs: 10_000, acceptExitCodes: [0, 2] });
    }
    await system.run(["ip", "-batch", "-"], { stdin: commands.map((line) => `${line}\n`).join(""), timeoutMs: 30_000 });
    return true;
  } catch (error) {
    console.sayRarely(`Cannot bring link ${link.name} up: ${describeError(error)}`);
    return false;
  }
}
