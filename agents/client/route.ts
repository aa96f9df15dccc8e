/** How this machine reaches a server that was named by address: repeated by the payload's initramfs after kexec. */
import * as v from "valibot";
import { ethernetMtu } from "../../lib/export/tunnel/plan_tunnel.ts";
import { withoutScope } from "../../lib/net/address.ts";
import type { HelloMessage } from "../../lib/protocol/boot_exchange.ts";
import { type Link, listLinks, readVlan } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";

const routeSchema = v.tuple([v.object({ dev: v.string(), gateway: v.optional(v.string()) })]);

/** The way of packets to an address: `ip -json route get` (ip-route(8)), as far as it matters. */
export type Route = v.InferOutput<typeof routeSchema>[0];

/** @returns undefined where there is no way. Runs `ip`. */
export async function readRoute(system: System, address: string): Promise<Route | undefined> {
  const { exitCode, stdout } = await system.run(["ip", "-json", "route", "get", address], {
    timeoutMs: 10_000,
    acceptExitCodes: [0, 1, 2],
  });
  return exitCode === 0 ? v.parse(routeSchema, JSON.parse(stdout))[0] : undefined;
}

/**
 * The link's part of the hello. Without addresses when the server is on the same link by a link-local address: then
 * both sides take addresses made for the session.
 * @param local our address of the connection, @param remote the server's
 * @param linkTo the link that leads there, where it is known: a VLAN and its card may have one link-local address
 * @param largeMtu of the link, where it is above Ethernet's and such packets get through
 * @throws {Error} when no link has the address, or no way leads to the server. Runs `ip`.
 */
export async function findRoute(
  system: System,
  ends: {
    readonly local: string;
    readonly remote: string;
    readonly linkTo?: Link | undefined;
    readonly largeMtu?: number | undefined;
  },
): Promise<HelloMessage["link"]> {
  const local = withoutScope(ends.local);
  const links = await listLinks(system);
  const found = findLink(links, local, ends.linkTo?.name);
  if (found === undefined) throw new Error(`No link has the address ${local} any more`);
  const { link, address } = found;
  const card = await findCard(system, link, links);
  const large = ends.largeMtu === undefined ? {} : { mtu: ends.largeMtu };
  if (address.scope === "link") return { ...card, ...large };
  const route = await readRoute(system, ends.remote);
  if (route === undefined) throw new Error(`There is no way to ${ends.remote} any more`);
  const { gateway } = route;
  return {
    ...card,
    address: `${local}/${address.prefixLength}`,
    ...(gateway === undefined ? {} : { gateway }),
    ...(link.mtu >= 1280 && link.mtu < ethernetMtu ? { mtu: link.mtu } : large),
  };
}

function findLink(
  links: readonly Link[],
  local: string,
  preferred: string | undefined,
): { readonly link: Link; readonly address: Link["addresses"][number] } | undefined {
  const found = links.flatMap((link) => {
    const address = link.addresses.find((candidate) => candidate.address === local);
    return address === undefined ? [] : [{ link, address }];
  });
  return found.find(({ link }) => link.name === preferred) ?? found[0];
}

/** A link as it is found again after kexec: the card by its own address, and the VLAN on it. Runs `cat`. */
export async function findCard(
  system: System,
  link: Link,
  links: readonly Link[],
): Promise<Pick<HelloMessage["link"], "mac" | "vlan">> {
  const card = links.find(({ name }) => name === link.lower) ?? link;
  const vlan = link.lower === undefined ? undefined : await readVlan(system, link.name);
  return { mac: card.mac, ...vlan === undefined ? {} : { vlan } };
}
