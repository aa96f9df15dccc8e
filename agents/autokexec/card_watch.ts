/** Which configured network card was just plugged in. Pure. */
import type { Link } from "../../lib/system/facts.ts";

/**
 * Cards that appear so soon after the system's start were there already: a laptop that comes back must not become a
 * server again.
 */
export const BOOT_SECONDS = 120;

/**
 * @param macs lower case
 * @param startSeconds when the agent was started with the system, after the kernel (a passphrase may have been waited
 *   for); else 0
 * @returns to be called with all links after each change, and the seconds since the kernel's start; says a card that
 *   was not there before
 */
export function createCardWatch(
  macs: readonly string[],
  startSeconds = 0,
): (links: readonly Link[], uptimeSeconds: number) => string | undefined {
  let seenCards: ReadonlySet<number> | undefined;
  return (links, uptimeSeconds) => {
    const before = seenCards;
    // By their indexes: the address of one that stays may change and come back (NetworkManager's cloned-mac-address,
    // bonds).
    seenCards = new Set(links.map(({ index }) => index));
    if (before === undefined || uptimeSeconds < startSeconds + BOOT_SECONDS) return undefined;
    return links.find(({ index, mac }) => !before.has(index) && macs.includes(mac))?.mac;
  };
}
