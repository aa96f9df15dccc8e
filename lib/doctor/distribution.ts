/** Distribution, programs, initramfs generator. */

import type { HostFacts } from "../host/host_facts.ts";
import { findMountProblem, gatherMountFacts, type MountFacts } from "../host/mount_facts.ts";
import type { HostTree } from "../host/tree.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import { programDirectories, type System } from "../system/system.ts";
import { type Check, type CheckOf, error, ok, runChecks, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { fileContains } from "./file_contains.ts";

export interface DistributionFacts {
  readonly host: HostFacts;
  readonly generator: GeneratorId | undefined;
  /** Built with netlink, without which it would have to stay as a process; undefined when it is not installed. */
  readonly nbdClientHasNetlink: boolean | undefined;
  readonly mounts: MountFacts;
}

export async function examineDistribution({ system, tree, host, generator }: DoctorContext): Promise<readonly Check[]> {
  const nbdClientHasNetlink = await readNbdClientHasNetlink(system, tree);
  const mounts = await gatherMountFacts(system, tree);
  return runChecks(distributionChecks, { host, generator, nbdClientHasNetlink, mounts });
}

export const distributionChecks: readonly CheckOf<DistributionFacts>[] = [
  ["distribution", checkDistribution],
  ["programs", checkPrograms],
  ["initramfs generator", checkGenerator],
  ["places to write", checkPlaces],
];

function checkDistribution({ host }: DistributionFacts): Verdict {
  const { distribution } = host;
  if (distribution === undefined) {
    return warning("not one that is known here", "See doc/distros/README.md for how one is added");
  }
  const { prettyName, isDerivative } = distribution;
  return ok(isDerivative ? `${prettyName}, treated as ${distribution.distribution.name}` : prettyName);
}

function checkPrograms({ host, nbdClientHasNetlink }: DistributionFacts): Verdict {
  if (host.missing.length === 0 && nbdClientHasNetlink === false) {
    return error("nbd-client is built without netlink", "Install one that has it (Gentoo: USE=netlink)");
  }
  if (host.missing.length === 0) return ok("all there");
  const distribution = host.distribution?.distribution;
  const packages = host.missing.map((need) => distribution?.packages[need] ?? need).join(" ");
  const cure = distribution === undefined
    ? `Install ${packages}`
    : `${distribution.installCommand.join(" ")} ${packages}`;
  return error(`missing: ${host.missing.join(", ")}`, cure);
}

function checkGenerator({ generator }: DistributionFacts): Verdict {
  return generator === undefined
    ? error(
      "none that is known here",
      "Install initramfs-tools, dracut or mkinitcpio, whichever your distribution uses",
    )
    : ok(generator);
}

function checkPlaces({ mounts }: DistributionFacts): Verdict {
  const problem = findMountProblem(mounts);
  return problem === undefined ? ok("/usr, /etc, /boot and /var") : error(problem.found, problem.cure);
}

/** nbd-client speaks netlink through libnl-genl, whose name stands in the program. */
async function readNbdClientHasNetlink(system: System, tree: HostTree): Promise<boolean | undefined> {
  for (const directory of programDirectories) {
    const path = `${directory}/nbd-client`;
    if ((await tree.status(path))?.kind !== "file") continue;
    return await fileContains(system, await tree.locate(path), new TextEncoder().encode("libnl-genl-3"));
  }
  return undefined;
}
