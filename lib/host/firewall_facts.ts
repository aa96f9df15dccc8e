/** What `doctor` looks at of firewalls. Deciding is in doctor_checks.ts. */

import { DISCOVERY_PORT } from "../protocol/discovery.ts";
import type { System } from "../system/system.ts";
import { outputIfItWorks } from "./ask_program.ts";

/** Of what sees IPv6, which the link to the laptop's disk uses. */
export interface FirewallFacts {
  /** What comes in is dropped unless a rule takes it. */
  readonly dropsByDefault: boolean;
  /** Some rule takes ICMPv6, with which neighbours find each other (RFC 4861). */
  readonly takesIcmpv6: boolean;
  /** Some rule takes the port on which a desktop asks. */
  readonly takesDiscovery: boolean;
}

/** Needs root. Rules made with iptables-nft, ufw and firewalld are seen, too; those of the old ip6tables are not. */
export async function readFirewall(system: System): Promise<FirewallFacts | undefined> {
  const ruleset = await outputIfItWorks(system, ["nft", "list", "ruleset"]);
  return ruleset === undefined ? undefined : parseRuleset(ruleset);
}

/** nft(8), ADDRESS FAMILIES: a table "ip" drops no IPv6. */
const ipv6Table = /^table (?:inet|ip6) .*\n(?:(?!\}).*\n)*/gm;
const inputChain = /^\tchain .*\n(?:\t\tcomment .*\n)?\t\ttype filter hook input .*\n(?:(?!\t\}).*\n)*/gm;
const refusing = /\b(?:drop|reject(?: with .*)?)(?: comment ".*")?$/;
/** The same without anything that limits it to some packets: as the last rule it is worth a policy. firewalld does it like that. */
const refusingAll =
  /^\s*(?:counter(?: packets \d+ bytes \d+)? )?(?:log .*)?(?:drop|reject(?: with \S+(?: type)? \S+)?)(?: comment ".*")?$/;

/**
 * Whatever some rule takes counts as taken: from whom, and in which chain, is not looked at.
 * @param ruleset output of `nft list ruleset` (nft(8))
 */
export function parseRuleset(ruleset: string): FirewallFacts {
  const tables: readonly string[] = ruleset.match(ipv6Table) ?? [];
  const chains = tables.flatMap((table) => table.match(inputChain) ?? []);
  const rules = tables.flatMap((table) => table.split("\n")).filter((rule) => !refusing.test(rule));
  const takesLink = rules.some((rule) => /^\s*iifname "stiefel.* accept\b/.test(rule));
  return {
    dropsByDefault: chains.some((chain) => /policy drop;/.test(chain) || refusingAll.test(lastLine(chain))),
    takesIcmpv6: takesLink || rules.some(takesNeighbours),
    takesDiscovery: takesLink || rules.some(takesDiscoveryPort),
  };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/** A rule, or elements of a set that rules name. Neighbours ask by type 135 (RFC 4861); a rule for other types only is of no use. */
function takesNeighbours(rule: string): boolean {
  if (!/\b(?:icmpv6|ipv6-icmp)\b/.test(rule)) return false;
  return !/\bicmpv6 type\b/.test(rule) || /\bnd-neighbor-solicit\b|\b135\b|@/.test(rule);
}

function takesDiscoveryPort(rule: string): boolean {
  if (new RegExp(`\\b${DISCOVERY_PORT}\\b`).test(rule)) return true;
  const ports = /^(?!.*\btcp dport\b).*\bdport (.*)/.exec(rule)?.[1] ?? "";
  return [...ports.matchAll(/\b(\d+)-(\d+)\b/g)].some(([, from, to]) =>
    Number(from) <= DISCOVERY_PORT && DISCOVERY_PORT <= Number(to)
  );
}
