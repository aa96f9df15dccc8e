/** The laptop's kernel: what a desktop needs of it, and kexec. */

import { type HostFacts, moduleDirectories } from "../host/host_facts.ts";
import { lackingPrograms } from "../host/lacking_programs.ts";
import type { HostPath } from "../host/host_path.ts";
import type { HostTree } from "../host/tree.ts";
import { chooseTransports, listedTransports, transportModules } from "../initramfs/needs.ts";
import { readKernelFile } from "../system/facts.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict } from "./check.ts";
import type { DoctorContext } from "./context.ts";

type NeededModule = ReturnType<typeof transportModules>[number];

export interface KernelFacts {
  readonly host: HostFacts;
  /** Where no transport has all its kernel modules: those that the payload's kernel lacks for one. */
  readonly missingModules: readonly NeededModule[];
  /** The kernel was built with kexec. */
  readonly hasKexec: boolean;
  /** kernel.kexec_load_disabled is set. */
  readonly isKexecDisabled: boolean;
}

export async function examineKernel({ system, tree, host }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(kernelChecks, {
    host,
    missingModules: host.kernel === undefined ? [] : await findMissingModules(tree, host, host.kernel.release),
    hasKexec: await readKernelFile(system, "/sys/kernel/kexec_loaded") !== undefined,
    isKexecDisabled: await readKernelFile(system, "/proc/sys/kernel/kexec_load_disabled") === "1",
  });
}

export const kernelChecks: readonly CheckOf<KernelFacts>[] = [
  ["kernel for desktops", checkKernel],
  ["kexec", checkKexec],
];

function checkKernel({ host, missingModules }: KernelFacts): Verdict {
  if (host.isKernelHidden) return hidden("only root may look where kernels are");
  if (host.kernel === undefined) return error("no installed kernel was found", "Install your distribution's kernel");
  if (missingModules.length > 0) {
    const options = missingModules.map(({ option }) => `${option}=m`).join(", ");
    return error(
      `${host.kernel.release} has no module ${missingModules.map(({ name }) => name).join(", ")}`,
      `Install the package with the kernel's extra modules, or build it with ${options}`,
    );
  }
  return ok(host.kernel.release);
}

function checkKexec(facts: KernelFacts): Verdict {
  if (!facts.hasKexec) return error("the kernel has none", "Run a kernel with CONFIG_KEXEC_FILE=y");
  if (facts.isKexecDisabled) {
    return error("switched off (kernel.kexec_load_disabled=1)", "Look for it in /etc/sysctl.d, take it out and reboot");
  }
  return ok("possible");
}

/** Modules come as files or built in (modules.dep and modules.builtin of depmod(8)). */
async function findMissingModules(
  tree: HostTree,
  { missing }: HostFacts,
  release: string,
): Promise<readonly NeededModule[]> {
  const paths = moduleDirectories.flatMap((directory): readonly HostPath[] =>
    ["modules.dep", "modules.builtin"].map((name): HostPath => `${directory}/${release}/${name}`)
  );
  const lists = (await Promise.all(paths.map((path) => tree.readText(path)))).join("\n");
  const isMissing = (name: string): boolean => !new RegExp(`(^|/)${name}\\.ko`, "m").test(lists);
  // Those whose programs are there, if there are any.
  const { usable } = lackingPrograms(missing).transports;
  const candidates = usable.length > 0 ? usable : listedTransports();
  const { lacking } = chooseTransports(
    candidates,
    (transport) => transportModules(transport).map(({ name }) => name).filter(isMissing),
  );
  return candidates.flatMap((transport) => transportModules(transport)).filter(({ name }) => lacking.includes(name));
}
