/** Distribution, programs, initramfs generator. */

import { encodeUtf8 } from "../formats/text.ts";
import { packagesFor } from "../distro/distribution.ts";
import { type TransportNeeds, transportNeeds } from "../export/needs.ts";
import type { HostFacts } from "../host/host_facts.ts";
import { lackingPrograms } from "../host/lacking_programs.ts";
import { findMountProblem, gatherMountFacts, type MountFacts } from "../host/mount_facts.ts";
import type { HostTree } from "../host/tree.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import { programDirectories, type System } from "../system/system.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";
import { fileContains } from "./file_contains.ts";

export interface DistributionFacts {
  readonly host: HostFacts;
  readonly generator: GeneratorId | undefined;
  /**
   * Where each transport whose programs are there has some built without what a desktop needs of them: these.
   * Undefined: only root may look.
   */
  readonly crippledPrograms: readonly BuildNeed[] | undefined;
  /** Undefined as above. */
  readonly mounts: MountFacts | undefined;
}

export async function examineDistribution({ system, tree, host, generator }: DoctorContext): Promise<readonly Check[]> {
  const crippledPrograms = await unlessRefused(findCrippledPrograms(system, tree, host), undefined);
  const mounts = await unlessRefused(gatherMountFacts(system, tree), undefined);
  return runChecks(distributionChecks, { host, generator, crippledPrograms, mounts });
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
    return warning("one that stiefelsystem does not know", "doc/distros/README.md says how to add one");
  }
  const { prettyName, isDerivative } = distribution;
  return ok(isDerivative ? `${prettyName}, treated as ${distribution.distribution.name}` : prettyName);
}

function checkPrograms({ host, crippledPrograms }: DistributionFacts): Verdict {
  const { lacking } = lackingPrograms(host, { withKexec: true });
  if (lacking.length === 0) {
    if (crippledPrograms === undefined) return hidden("all there; only root may look how they were built");
    const [crippled] = crippledPrograms;
    return crippled === undefined ? ok("all there") : error(crippled.lack, crippled.cure);
  }
  const distribution = host.distribution?.distribution;
  const packages = packagesFor(distribution, lacking).join(" ");
  const cure = distribution === undefined
    ? `Install ${packages}`
    : `${distribution.installCommand.join(" ")} ${packages}`;
  return error(`missing: ${lacking.join(", ")}`, cure);
}

function checkGenerator({ generator }: DistributionFacts): Verdict {
  return generator === undefined
    ? error(
      "none that stiefelsystem knows",
      "Install initramfs-tools, dracut or mkinitcpio, whichever your distribution uses",
    )
    : ok(generator);
}

function checkPlaces({ mounts }: DistributionFacts): Verdict {
  if (mounts === undefined) return hidden("only root may see what is mounted there");
  const problem = findMountProblem(mounts);
  return problem === undefined ? ok("/usr, /etc, /boot and /var") : error(problem.found, problem.cure);
}

type BuildNeed = NonNullable<TransportNeeds["desktop"]["builtWith"]>;

async function findCrippledPrograms(system: System, tree: HostTree, host: HostFacts): Promise<readonly BuildNeed[]> {
  const crippled: BuildNeed[] = [];
  const { usable } = lackingPrograms(host).transports;
  for (const { desktop: { builtWith } } of transportNeeds.filter((transport) => usable.includes(transport.name))) {
    const path = builtWith === undefined ? undefined : await findProgram(tree, builtWith.program);
    const isWhole = builtWith === undefined || path === undefined ||
      await fileContains(system, path, encodeUtf8(builtWith.bytes));
    // One transport is enough.
    if (isWhole) return [];
    crippled.push(builtWith);
  }
  return crippled;
}

async function findProgram(tree: HostTree, name: string): Promise<string | undefined> {
  for (const directory of programDirectories) {
    const path = `${directory}/${name}`;
    if ((await tree.status(path))?.kind === "file") return await tree.locate(path);
  }
  return undefined;
}
