/** Which configured network card was just plugged in. Pure. */
import type { Link } from "../../lib/system/facts.ts";

/** Cards that appear so soon after the kernel's start were there already: a laptop that comes back must not become a server again. */
export const BOOT_SECONDS = 120;

/**
 * @param macs lower case
 * @returns to be called with all links after each change, and the seconds since the kernel's start; says a card that was not there before
 */
export function createCardWatch(
  macs: readonly string[],
): (links: readonly Link[], uptimeSeconds: number) => string | undefined {
  let present: ReadonlySet<string> | undefined;
  return (links, uptimeSeconds) => {
    const before = present;
    present = new Set(links.map(({ mac }) => mac).filter((mac) => macs.includes(mac)));
    if (before === undefined || uptimeSeconds < BOOT_SECONDS) return undefined;
    return [...present].find((mac) => !before.has(mac));
  };
}
