/** Network programs, IPv6 and cards. */

import { CommandError } from "../errors.ts";
import { STIEFEL_LINK_NAME } from "../protocol/session.ts";
import { listLinks, readKernelFile, readLinkSpeed } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, unknown, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { findGreedyPrograms, findNetworkManagerConflicts, type GreedyProgram } from "./network_managers.ts";

export interface NicFacts {
  readonly name: string;
  readonly driver: string;
  readonly hasCarrier: boolean;
  /** Undefined where the driver does not say. */
  readonly speedMbps: number | undefined;
}

export interface NetworkProgramFacts {
  /** NetworkManager settings of others that manage the stiefel link; undefined where they may not be read. */
  readonly networkManagerConflicts: readonly string[] | undefined;
  /**
   * Programs that run at each boot and take every link, and whose configuration does not except ours; undefined as
   * above.
   */
  readonly greedyPrograms: readonly GreedyProgram[] | undefined;
}

/** Of the machine that runs now. */
export interface NetworkFacts {
  /** The running kernel speaks IPv6. */
  readonly hasIpv6: boolean;
  /** Undefined: there is no `ip` to ask. */
  readonly nics: readonly NicFacts[] | undefined;
}

export async function examineNetworkPrograms({ system, tree }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(networkProgramChecks, {
    networkManagerConflicts: await unlessRefused(findNetworkManagerConflicts(tree), undefined),
    greedyPrograms: await unlessRefused(findGreedyPrograms(system, tree), undefined),
  });
}

export async function examineNetwork({ system }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(networkChecks, {
    hasIpv6: await readKernelFile(system, "/proc/sys/net/ipv6/conf/all/disable_ipv6") === "0",
    nics: await readNics(system),
  });
}

export const networkProgramChecks: readonly CheckOf<NetworkProgramFacts>[] = [
  ["network programs", checkNetworkPrograms],
];

export const networkChecks: readonly CheckOf<NetworkFacts>[] = [
  ["IPv6", checkIpv6],
  ["network cards", checkNics],
];

function checkNetworkPrograms({ networkManagerConflicts, greedyPrograms }: NetworkProgramFacts): Verdict {
  const [greedy] = greedyPrograms ?? [];
  if (greedy !== undefined) {
    return error(
      `${greedy.name} takes every link, the one to the disk too`,
      `Put "${greedy.setting}" into ${greedy.file}`,
    );
  }
  if (networkManagerConflicts !== undefined && networkManagerConflicts.length > 0) {
    return error(
      `NetworkManager manages it because of ${networkManagerConflicts.join(", ")}`,
      `Take ${STIEFEL_LINK_NAME} out there, or the desktop loses its disk`,
    );
  }
  if (greedyPrograms === undefined) return hidden("the settings of dhcpcd or ConnMan may be read by root only");
  if (networkManagerConflicts === undefined) return hidden("NetworkManager's connections may be read by root only");
  return ok("leave the stiefel link alone");
}

function checkIpv6({ hasIpv6 }: NetworkFacts): Verdict {
  if (hasIpv6) return ok("on");
  return warning(
    "switched off: a desktop cannot ask this system, only the image",
    "Remove ipv6.disable=1 from the kernel command line, net.ipv6.conf.all.disable_ipv6=1 from sysctl",
  );
}

const slowMbps = 1000;

function checkNics({ nics }: NetworkFacts): Verdict {
  if (nics === undefined) return unknown("not seen: ip is missing", "See the programs above");
  if (nics.length === 0) return error("no wired network card", "Plug in a USB or Thunderbolt one");
  const describe = ({ name, driver, speedMbps }: NicFacts): string =>
    `${name} (${driver}${speedMbps === undefined ? "" : `, ${speedMbps} Mbit/s`})`;
  const cards = nics.map(describe).join(", ");
  const halfDuplex = nics.find((nic) => nic.driver === "cdc_ncm");
  if (halfDuplex !== undefined) {
    return warning(`${cards}: cdc_ncm runs Realtek cards in half duplex`, 'Add "r8152" to modules in config.yaml');
  }
  const slow = nics.find((nic) => nic.speedMbps !== undefined && nic.speedMbps < slowMbps);
  if (slow !== undefined) {
    return warning(`${cards}: ${slow.name} is slow`, "Use a better cable or card: 1 Gbit/s or more");
  }
  return ok(cards);
}

/** Runs `ip`, `cat`. */
async function readNics(system: System): Promise<readonly NicFacts[] | undefined> {
  const nics: NicFacts[] = [];
  const links = await listLinks(system).catch((error) => {
    if (error instanceof CommandError) return undefined;
    throw error;
  });
  if (links === undefined) return undefined;
  for (const link of links) {
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
