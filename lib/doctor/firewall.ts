/** Whether the laptop's firewall lets through what its disk needs on a desktop: it is the same system there. */

import { STIEFEL_LINK_NAME, STIEFEL_TUNNEL_NAME } from "../protocol/session.ts";
import { outputIfItWorks } from "../host/ask_program.ts";
import { DISCOVERY_PORT } from "../protocol/discovery.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { listRefusingChains } from "./nft_ruleset.ts";

/**
 * What all chains together take of IPv6, which the link to the laptop's disk uses; a firewall that refuses nothing
 * takes all.
 */
export interface FirewallFacts {
  /** ICMPv6, with which neighbours find each other (RFC 4861); "link-local": only from addresses of that kind. */
  readonly neighbours: "all" | "link-local" | "none";
  /** The port on which a desktop asks. */
  readonly discovery: boolean;
  /** What the laptop answers to the desktop's connections. */
  readonly replies: boolean;
  /** What the desktop sends to the laptop. */
  readonly sending: boolean;
}

/**
 * Needs root. Rules made with iptables-nft, ufw and firewalld are seen, too; those of the old ip6tables are not. Runs
 * `nft`.
 */
export async function examineFirewall({ system, config }: DoctorContext): Promise<readonly Check[]> {
  const ruleset = await outputIfItWorks(system, ["nft", "list", "ruleset"]);
  // What is encrypted goes over the link, and what is inside over the tunnel.
  const links = [STIEFEL_LINK_NAME, ...config.block.security === "none" ? [] : [STIEFEL_TUNNEL_NAME]];
  return runChecks(firewallChecks, ruleset === undefined ? undefined : judgeRuleset(ruleset, links));
}

/** Both links, as rules name them (nft(8)). */
const ourLinks = `"stiefel*"`;

export const firewallChecks: readonly CheckOf<FirewallFacts | undefined>[] = [["firewall", checkFirewall]];

function checkFirewall(facts: FirewallFacts | undefined): Verdict {
  if (facts === undefined) {
    return hidden("not seen", ", with nft (package nftables) installed");
  }
  if (!facts.sending) {
    return error(
      "drops what is sent, as a VPN's kill switch does: a desktop loses its disk when this firewall starts",
      `Accept oifname ${ourLinks} in its output chain`,
    );
  }
  if (facts.neighbours === "none") {
    return error("drops ICMPv6: the desktop loses its disk after a minute", "Accept icmpv6 in its input chain");
  }
  if (!facts.replies) {
    return error(
      "drops answers to connections made here: a desktop loses its disk when this firewall starts",
      `Accept "ct state established,related", or iifname ${ourLinks}, in its input chain`,
    );
  }
  if (!facts.discovery) {
    return warning(
      "drops what a desktop asks: this system will not turn into a server",
      `Accept UDP port ${DISCOVERY_PORT} in its input chain`,
    );
  }
  if (facts.neighbours === "link-local") {
    return warning(
      "takes ICMPv6 from link-local addresses only: a desktop may not find its disk again after a lost cable",
      "Accept icmpv6 from any address in its input chain",
    );
  }
  return ok("lets the stiefel link through");
}

/**
 * @param ruleset output of `nft list ruleset` (nft(8))
 * @param links that the disk's blocks take: all of them have to be let through
 */
export function judgeRuleset(ruleset: string, links: readonly string[] = [STIEFEL_LINK_NAME]): FirewallFacts {
  const input = listRefusingChains(ruleset, "input").map(({ rules }) => rules);
  const output = listRefusingChains(ruleset, "output").map(({ rules }) => rules);
  const takesAll = (rules: readonly string[], direction: Direction): boolean =>
    links.every((link) => rules.some((rule) => takesAllOf(rule, direction, link)));
  const takesNeighbours = input.every((rules) => rules.some(takesIcmpv6) || takesAll(rules, "i"));
  const takesLinkLocal = input.every((rules) =>
    rules.some(takesIcmpv6) || takesAll(rules, "i") || rules.some(isLinkLocal)
  );
  return {
    neighbours: takesNeighbours ? "all" : takesLinkLocal ? "link-local" : "none",
    discovery: input.every((rules) =>
      takesAll(rules, "i") || rules.some(isLinkLocal) || rules.some(takesDiscoveryPort)
    ),
    replies: input.every((rules) => takesAll(rules, "i") || rules.some(takesEstablished)),
    sending: output.every((rules) => takesAll(rules, "o")),
  };
}

const counter = String.raw`(?:counter(?: packets \d+ bytes \d+)? )?`;

type Direction = "i" | "o";

/** A rule for the link, for addresses like those of a session (RFC 4193), or for all packets of IPv6. */
function takesAllOf(rule: string, direction: Direction, link: string): boolean {
  const names = new RegExp(`^${direction}ifname (\\{[^}]*\\}|"[^"]*") ${counter}accept\\b`).exec(rule)?.[1];
  if (names !== undefined) return [...names.matchAll(/"([^"]*)"/g)].some(([, name = ""]) => isNamed(link, name));
  const address = String.raw`ip6 ${direction === "i" ? "saddr" : "daddr"} (?:fc00::/7|fd00::/8|::/0) `;
  return new RegExp(`^(?:${address}|meta nfproto (?:\\{ )?ipv6(?: \\})? )?${counter}accept\\b`).test(rule);
}

/** Names of links may end with a "*" for all that begin like that. */
function isNamed(link: string, name: string): boolean {
  return name.endsWith("*") ? link.startsWith(name.slice(0, -1)) : link === name;
}

/** All that comes from link-local addresses, which is how desktops ask and neighbours mostly do. */
function isLinkLocal(rule: string): boolean {
  return new RegExp(`^ip6 saddr fe80::/(?:10|64) ${counter}accept\\b`).test(rule);
}

/**
 * A rule, or elements of a set that rules name. Neighbours ask by type 135 (RFC 4861); a rule for other types only is
 * of no use.
 */
function takesIcmpv6(rule: string): boolean {
  if (!/\b(?:icmpv6|ipv6-icmp)\b/.test(rule)) return false;
  return !/\bicmpv6 type\b/.test(rule) || /\bnd-neighbor-solicit\b|\b135\b|@/.test(rule);
}

/** "ct state established,related accept", and the same in a verdict map. */
function takesEstablished(rule: string): boolean {
  return /\bct state\b.*\bestablished\b.*\baccept\b/.test(rule);
}

function takesDiscoveryPort(rule: string): boolean {
  if (new RegExp(`\\b${DISCOVERY_PORT}\\b`).test(rule)) return true;
  const ports = /^(?!.*\btcp dport\b).*\bdport (.*)/.exec(rule)?.[1] ?? "";
  return [...ports.matchAll(/\b(\d+)-(\d+)\b/g)].some(([, from, to]) =>
    Number(from) <= DISCOVERY_PORT && DISCOVERY_PORT <= Number(to)
  );
}
