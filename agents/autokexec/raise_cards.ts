/**
 * Makes wired network cards able to hear desktops, on a system that is not ours: what its network manager does is left alone, and nothing is
 * done twice. A card that nobody has raised is raised once, when it is first seen. A card with a cable that has no link-local address after a
 * while gets one: NetworkManager takes it away when no DHCP server answers, as is the rule on a cable between two computers.
 */
import { isWiredCard, type Link, listLinks } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { describeError, isCandidate, linkLocalAddress } from "../shared/links.ts";

/** The kernel gives the address at once, network managers within a second. */
const patienceMs = 5_000;

export type CardNeed = "up" | "address";

/** What a card lacks to hear desktops, as far as we may help. */
export function findNeed(link: Link): CardNeed | undefined {
  if (!isCandidate(link)) return undefined;
  if (!link.isUp) return "up";
  const hasAddress = link.addresses.some(({ family, scope }) => family === "ipv6" && scope === "link");
  return link.hasCarrier && !hasAddress ? "address" : undefined;
}

/** Which needs are new, and what to remember for the next time: a card's rise for as long as it is there, a missing address until it is there. */
export class NeedBook {
  #known = new Set<string>();

  take(links: readonly Link[]): readonly { readonly link: Link; readonly need: CardNeed }[] {
    const known = new Set<string>();
    const fresh: { readonly link: Link; readonly need: CardNeed }[] = [];
    for (const link of links) {
      const [up, address] = [`up ${link.name} ${link.index}`, `address ${link.name} ${link.index}`];
      const need = findNeed(link);
      // Seen once, up or not: who takes it down later means it.
      if (need !== "up" || this.#known.has(up)) known.add(up);
      if (need !== undefined && !this.#known.has(need === "up" ? up : address)) fresh.push({ link, need });
      if (need !== undefined) known.add(need === "up" ? up : address);
    }
    this.#known = known;
    return fresh;
  }
}

/** @returns to be called with all links after each change. Runs `ip`, `cat`. */
export function createCardRaiser(
  system: System,
  { console, signal }: { readonly console: Console; readonly signal: AbortSignal },
): (links: readonly Link[]) => Promise<void> {
  const book = new NeedBook();

  async function raise({ name }: Link): Promise<void> {
    if (!await isWiredCard(system, name)) return;
    console.say(`Raising ${name}, which nobody has raised, to hear desktops`);
    await system.run(["ip", "link", "set", "dev", name, "up"], { timeoutMs: 30_000 });
  }

  async function giveAddress({ name, index, mac }: Link): Promise<void> {
    if (!await isWiredCard(system, name)) return;
    await system.delay(patienceMs, signal);
    const now = (await listLinks(system)).find((link) => link.name === name && link.index === index);
    if (now === undefined || findNeed(now) !== "address") return;
    console.say(`Giving ${name} a link-local address, which it lacks, to hear desktops`);
    const address = `${linkLocalAddress(mac)}/64`;
    await system.run(["ip", "address", "replace", address, "dev", name, "nodad"], { timeoutMs: 10_000 });
  }

  return async (links) => {
    const tasks = book.take(links).map(({ link, need }) =>
      (need === "up" ? raise(link) : giveAddress(link)).catch((error) => {
        if (!signal.aborted) console.sayRarely(`${link.name} cannot hear desktops: ${describeError(error)}`);
      })
    );
    await Promise.all(tasks);
  };
}
