/**
 * Makes wired network cards able to speak to the other side, on a system that is not ours: what its network manager
 * does is left alone, and nothing is done twice. A card that is still down a while after it is first seen is raised
 * once. A card with a cable that has no link-local address after a while gets one: NetworkManager takes it away when
 * no DHCP server answers, as is the rule on a cable between two computers.
 */
import { isWiredCard, type Link, listLinks, readKernelFile } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "./console.ts";
import { isCandidate, linkLocalAddress } from "./links.ts";
import { describeError } from "../../lib/errors.ts";

/**
 * The kernel gives the address at once; network managers raise a card, and give it an address, within a second or two.
 */
const patienceMs = 5_000;

export type CardNeed = "up" | "address";

/** What a card lacks for that, as far as we may help. */
function findNeed(link: Link): CardNeed | undefined {
  if (!isCandidate(link)) return undefined;
  if (!link.isUp) return "up";
  const hasAddress = link.addresses.some(({ family, scope }) => family === "ipv6" && scope === "link");
  return link.hasCarrier && !hasAddress ? "address" : undefined;
}

/**
 * Which needs are new, and what to remember for the next time: a card's rise for as long as it is there, a missing
 * address until it is there.
 */
export class NeedBook {
  #known = new Set<string>();

  take(links: readonly Link[]): readonly { readonly link: Link; readonly need: CardNeed }[] {
    const inNeed = new Set<string>();
    const fresh: { readonly link: Link; readonly need: CardNeed }[] = [];
    for (const link of links) {
      const [up, address] = [`up ${link.name} ${link.index}`, `address ${link.name} ${link.index}`];
      const need = findNeed(link);
      // Seen once, up or not: who takes it down later means it.
      if (need !== "up" || this.#known.has(up)) inNeed.add(up);
      if (need !== undefined && !this.#known.has(need === "up" ? up : address)) fresh.push({ link, need });
      if (need !== undefined) inNeed.add(need === "up" ? up : address);
    }
    this.#known = inNeed;
    return fresh;
  }
}

/** @returns to be called with all links after each change. Runs `ip`, `cat`, `sysctl`. */
export function createCardRaiser(
  system: System,
  { console, signal, purpose }: {
    readonly console: Console;
    readonly signal: AbortSignal;
    /** What a card is for, after "to". */
    readonly purpose: string;
  },
): (links: readonly Link[]) => Promise<void> {
  const book = new NeedBook();

  async function help({ name, index }: Link, need: CardNeed): Promise<void> {
    if (!await isWiredCard(system, name)) return;
    await system.delay(patienceMs, signal);
    const now = (await listLinks(system)).find((link) => link.name === name && link.index === index);
    if (now === undefined || findNeed(now) !== need) return;
    if (await isWithoutIpv6(system, name)) {
      console.say(
        `${name} cannot ${purpose}: IPv6 is switched off on it (the method "disabled" of a NetworkManager connection, or ` +
          `net.ipv6.conf.${name}.disable_ipv6); link-local addresses would be enough`,
      );
      return;
    }
    await (need === "up" ? raise(name) : giveAddress(now));
  }

  async function raise(name: string): Promise<void> {
    console.say(
      `Bringing ${name} up to ${purpose}, because no other program does; it ignores routers (accept_ra=0)`,
    );
    // The kernel would take an address and a default route from any router there. No user asked for them, and
    // NetworkManager does no DHCP on a card that another program gave an address. Slashes: a link's name may have
    // dots (sysctl(8)).
    await system.run(["sysctl", "--quiet", "--write", `net/ipv6/conf/${name}/accept_ra=0`], { timeoutMs: 10_000 });
    await system.run(["ip", "link", "set", "dev", name, "up"], { timeoutMs: 30_000 });
  }

  async function giveAddress({ name, mac }: Link): Promise<void> {
    console.say(`Giving ${name} a link-local address, which it lacks, to ${purpose}`);
    const address = `${linkLocalAddress(mac)}/64`;
    await system.run(["ip", "address", "replace", address, "dev", name, "nodad"], { timeoutMs: 10_000 });
  }

  return async (links) => {
    const tasks = book.take(links).map(({ link, need }) =>
      help(link, need).catch((error) => {
        if (!signal.aborted) console.sayRarely(`${link.name} cannot ${purpose}: ${describeError(error)}`);
      })
    );
    await Promise.all(tasks);
  };
}

/** Also where the kernel has no IPv6 at all (ip-sysctl, disable_ipv6). Runs `cat`. */
async function isWithoutIpv6(system: System, linkName: string): Promise<boolean> {
  return (await readKernelFile(system, `/proc/sys/net/ipv6/conf/${linkName}/disable_ipv6`) ?? "1") === "1";
}
