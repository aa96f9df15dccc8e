/**
 * Whether large packets get through to a laptop, before anything is sent that would hang where they do not: both cards
 * may take jumbo frames, and a switch between them swallow those without a word.
 */
import { ethernetMtu } from "../../lib/export/tunnel/plan_tunnel.ts";
import { addressFamily } from "../../lib/formats/address.ts";
import { plainAddress } from "../../lib/net/address.ts";
import type { Link } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { readRoute } from "./route.ts";

interface Machine {
  readonly system: System;
  readonly console: Pick<Console, "sayRarely">;
}

/** Of IP and ICMP around what an echo carries (RFC 8200, RFC 791, RFC 4443). */
const headerBytes = { 4: 28, 6: 48 };
const smallBytes = 56;
/** After the answer to a small packet a large one gets as long again, but not less than this. */
const leastPatienceMs = 100;

/** The link that packets to `host` go out on; undefined where that cannot be told. Runs `ip`. */
export async function findLinkTo(system: System, host: string, links: readonly Link[]): Promise<Link | undefined> {
  const scope = /%(.+)$/.exec(host)?.[1];
  if (scope !== undefined) return links.find(({ name }) => name === scope);
  if (addressFamily(host) === undefined) return undefined;
  const route = await readRoute(system, host);
  return links.find(({ name }) => name === route?.dev);
}

/**
 * The MTU of the link, when it is above Ethernet's and packets of that size reach `host` and come back. Else Ethernet's
 * counts, and a link that is ours is set to it: then TCP tells the other end, too. Runs `ping`, `ip`.
 * @returns undefined: Ethernet's, or that of a link which takes less
 */
export async function settlePacketSize(
  { system, console }: Machine,
  { host, link, isOurs }: { readonly host: string; readonly link: Link | undefined; readonly isOurs: boolean },
): Promise<number | undefined> {
  if (link === undefined || link.mtu <= ethernetMtu) return undefined;
  if (await getsThrough(system, host, link.mtu)) return link.mtu;
  console.sayRarely(`Packets of ${link.mtu} bytes do not come back on ${link.name}: they have ${ethernetMtu} at most`);
  if (isOurs) {
    await system.run(["ip", "link", "set", "dev", link.name, "mtu", `${ethernetMtu}`], { timeoutMs: 10_000 });
  }
  return undefined;
}

async function getsThrough(system: System, host: string, mtu: number): Promise<boolean> {
  const family = addressFamily(plainAddress(host));
  if (family === undefined) return false;
  const over = new AbortController();
  const ask = (bytes: number): Promise<boolean> =>
    system.run(["ping", "-c", "1", "-W", "1", "-s", `${bytes}`, host], {
      timeoutMs: 5_000,
      signal: over.signal,
      acceptExitCodes: [0, 1],
    }).then(({ exitCode }) => exitCode === 0, () => false);
  const startMs = system.monotonicMs();
  const large = ask(mtu - headerBytes[family]);
  try {
    if (!await ask(smallBytes)) return false;
    const patienceMs = Math.max(leastPatienceMs, system.monotonicMs() - startMs);
    return await Promise.race([large, system.delay(patienceMs, over.signal).then(() => false, () => false)]);
  } finally {
    over.abort();
    await large;
  }
}
