/** What `doctor` looks at of cards, network managers and firewalls. Deciding is in doctor_checks.ts. */

import { DISCOVERY_PORT } from "../protocol/discovery.ts";
import { listLinks, readKernelFile, readLinkSpeed } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { outputIfItWorks } from "./ask_program.ts";
import { networkManagerRule } from "./network_rules.ts";
import type { HostTree } from "./tree.ts";

export interface NicFacts {
  readonly name: string;
  readonly driver: string;
  readonly hasCarrier: boolean;
  /** Undefined where the driver does not say. */
  readonly speedMbps: number | undefined;
}

/** A program that configures every link it sees, and where it is told which not. */
export interface GreedyProgram {
  readonly name: string;
  readonly unit: string;
  readonly file: string;
  /** What has to stand in the file. */
  readonly setting: string;
}

/** dhcpcd.conf(5), connman.conf(5): neither has a directory for files of others. */
const greedyPrograms: readonly GreedyProgram[] = [
  { name: "dhcpcd", unit: "dhcpcd.service", file: "/etc/dhcpcd.conf", setting: "denyinterfaces stiefel0" },
  {
    name: "ConnMan",
    unit: "connman.service",
    file: "/etc/connman/main.conf",
    setting: "NetworkInterfaceBlacklist=stiefel0",
  },
];

export interface FirewallFacts {
  /** What comes in is dropped unless a rule takes it. */
  readonly dropsByDefault: boolean;
  /** Some rule takes ICMPv6, with which neighbours find each other (RFC 4861). */
  readonly takesIcmpv6: boolean;
  /** Some rule takes the port on which a desktop asks. */
  readonly takesDiscovery: boolean;
}

const networkManagerPlaces = [
  "/etc/NetworkManager/conf.d",
  "/usr/lib/NetworkManager/conf.d",
  "/etc/NetworkManager/system-connections",
];

/** Files that say that NetworkManager manages a device whatever it is called, or ours. */
export async function findNetworkManagerConflicts(tree: HostTree): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of networkManagerPlaces) {
    for (const name of await tree.list(directory)) {
      const path = `${directory}/${name}`;
      if (path === networkManagerRule.path || path.startsWith("/etc/NetworkManager/conf.d/.")) continue;
      const text = await tree.readText(path) ?? "";
      const managesAll = /^\s*match-device\s*=\s*\*/m.test(text) && /^\s*managed\s*=\s*(1|true|yes)/m.test(text);
      if (managesAll || /^\s*interface-name\s*=\s*stiefel/m.test(text)) found.push(path);
    }
  }
  return found;
}

export async function findGreedyPrograms(system: System, tree: HostTree): Promise<readonly GreedyProgram[]> {
  const found: GreedyProgram[] = [];
  for (const program of greedyPrograms) {
    const state = await outputIfItWorks(system, ["systemctl", "is-enabled", program.unit]);
    if (state?.trim() !== "enabled") continue;
    // Whatever leaves us out is fine: a whole name, its beginning, or a list of the only ones that are taken.
    const isTold = /^\s*(denyinterfaces|allowinterfaces|NetworkInterfaceBlacklist)\b.*/gm;
    const settings = (await tree.readText(program.file))?.match(isTold) ?? [];
    if (!settings.some((line) => line.includes("stiefel") || line.includes("allowinterfaces"))) found.push(program);
  }
  return found;
}

/** Needs root. Rules made with iptables-nft, ufw and firewalld are seen, too; those of the old ip6tables are not. */
export async function readFirewall(system: System): Promise<FirewallFacts | undefined> {
  const ruleset = await outputIfItWorks(system, ["nft", "list", "ruleset"]);
  return ruleset === undefined ? undefined : parseRuleset(ruleset);
}

/** @param ruleset output of `nft list ruleset` (nft(8)) */
export function parseRuleset(ruleset: string): FirewallFacts {
  return {
    dropsByDefault: /hook input [^;]*; policy drop;/.test(ruleset),
    takesIcmpv6: /icmpv6|ipv6-icmp/.test(ruleset),
    takesDiscovery: new RegExp(`\\b${DISCOVERY_PORT}\\b`).test(ruleset),
  };
}

export async function readNics(system: System): Promise<readonly NicFacts[]> {
  const nics: NicFacts[] = [];
  for (const link of await listLinks(system)) {
    const uevent = await readKernelFile(system, `/sys/class/net/${link.name}/device/uevent`);
    const driver = /^DRIVER=(.+)$/m.exec(uevent ?? "")?.[1];
    if (driver === undefined) continue; // not hardware
    if (await readKernelFile(system, `/sys/class/net/${link.name}/phy80211/index`) !== undefined) continue; // wireless
    nics.push({
      name: link.name,
      driver,
      hasCarrier: link.hasCarrier,
      speedMbps: await readLinkSpeed(system, link.name),
    });
  }
  return nics;
}
