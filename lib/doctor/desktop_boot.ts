/** What a desktop boots: the separate initramfs and its kernel. */

import { commandToType } from "../command_to_type.ts";
import { basename } from "node:path/posix";
import { BootError } from "../boot_error.ts";
import { pathCandidates } from "../boot/menu/path_candidates.ts";
import { parseStiefelsystemJson, stiefelsystemJsonPath } from "../formats/stiefelsystem_json.ts";
import type { HostTree } from "../host/tree.ts";
import { type GeneratorId, separateInitramfs } from "../initramfs/generator.ts";
import { failedBuildPath } from "../initramfs/separate_initramfs.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";

export interface DesktopBootFacts {
  readonly generator: GeneratorId | undefined;
  /** Built by setup-server. */
  readonly hasSeparateInitramfs: boolean;
  /** `boot.load.initrd` of the configuration: what a desktop gets instead of the one that setup-server builds. */
  readonly chosenInitramfs: string | undefined;
  /** Path of the newest kernel's image. */
  readonly newestKernel: string | undefined;
  /** The kernel that /boot/stiefelsystem.json names; undefined when it names none. */
  readonly bootKernel: { readonly path: string; readonly isThere: boolean; readonly isNewest: boolean } | undefined;
  /** Why /boot/stiefelsystem.json cannot be used. */
  readonly bootFileProblem: string | undefined;
  /**
   * Why the last build of the two failed (stiefel-initramfs writes it down); undefined when it worked, or may not be
   * read.
   */
  readonly failedBuild: string | undefined;
}

export async function examineDesktopBoot(context: DoctorContext): Promise<readonly Check[]> {
  const { system, tree, host, generator, config } = context;
  return runChecks(desktopBootChecks, {
    generator,
    hasSeparateInitramfs: await tree.exists(separateInitramfs),
    chosenInitramfs: config.boot.load?.initrd,
    newestKernel: host.kernel?.image,
    ...await readBootFile(system, tree, host.kernel?.image),
    failedBuild: await unlessRefused(tree.readText(failedBuildPath), undefined),
  });
}

export const desktopBootChecks: readonly CheckOf<DesktopBootFacts>[] = [["initramfs for desktops", checkInitramfs]];

function checkInitramfs(facts: DesktopBootFacts): Verdict {
  if (facts.generator === undefined) return warning("not checked: no generator is known", "See the generator above");
  if (!facts.hasSeparateInitramfs) {
    return warning(`${separateInitramfs} is not there`, `Run ${commandToType("setup-server", { asRoot: true })}`);
  }
  const { bootKernel, bootFileProblem, chosenInitramfs, failedBuild, newestKernel } = facts;
  if (failedBuild !== undefined) {
    const reason = failedBuild.trim() || "no reason is written down";
    return error(
      `desktops go on with an older one, its last build failed: ${reason}`,
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  if (bootFileProblem !== undefined) {
    return error(bootFileProblem, `Put it right, or run ${commandToType("setup-server", { asRoot: true })}`);
  }
  // Paths there may be relative to /boot, or to its file system.
  if (chosenInitramfs !== undefined && basename(chosenInitramfs) !== basename(separateInitramfs)) {
    return warning(
      `boot.load in config.yaml names another, ${chosenInitramfs}`,
      `Name ${separateInitramfs} there, or take boot.load out: the laptop's own fits the laptop only`,
    );
  }
  if (bootKernel !== undefined && !bootKernel.isThere) {
    return error(
      `/boot/stiefelsystem.json names ${bootKernel.path}, which is not there`,
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  if (bootKernel !== undefined && !bootKernel.isNewest) {
    return warning(
      `${bootKernel.path} is not the newest kernel, ${newestKernel}`,
      `Run ${commandToType("setup-server", { asRoot: true })}`,
    );
  }
  return ok("for any machine");
}

async function readBootFile(
  system: System,
  tree: HostTree,
  newest: string | undefined,
): Promise<Pick<DesktopBootFacts, "bootKernel" | "bootFileProblem">> {
  const text = await tree.readText(stiefelsystemJsonPath);
  if (text === undefined) return { bootKernel: undefined, bootFileProblem: undefined };
  try {
    const { kernel } = parseStiefelsystemJson(text, stiefelsystemJsonPath);
    const bootKernel = kernel === undefined ? undefined : await readBootKernel(system, tree, { kernel, newest });
    return { bootKernel, bootFileProblem: undefined };
  } catch (problem) {
    if (!(problem instanceof BootError)) throw problem;
    return { bootKernel: undefined, bootFileProblem: problem.message };
  }
}

/**
 * Its name stays the same over kernel updates, and its content is for root only (Ubuntu): the size tells kernels
 * apart.
 */
async function readBootKernel(
  system: System,
  tree: HostTree,
  { kernel, newest }: { readonly kernel: string; readonly newest: string | undefined },
): Promise<DesktopBootFacts["bootKernel"]> {
  const readSize = async (path: string): Promise<number | undefined> =>
    (await system.stat(await tree.locate(path)))?.sizeBytes;
  const sizes = await Promise.all(pathCandidates("/boot", kernel).map(readSize));
  const size = sizes.find((candidate) => candidate !== undefined);
  const isNewest = newest !== undefined && size === await readSize(newest);
  return { path: kernel, isThere: size !== undefined, isNewest };
}
