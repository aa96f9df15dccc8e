/** The laptop's kernel: what a desktop needs of it, and kexec. */

import type { HostFacts } from "../host/host_facts.ts";
import { lackingPrograms } from "../host/lacking_programs.ts";
import { chooseTransports, listedTransports, transportModules, vlanModule } from "../initramfs/needs.ts";
import { readKernelFile } from "../system/facts.ts";
import type { Security } from "../formats/security.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, unknown, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";

type NeededModule = ReturnType<typeof transportModules>[number];

export interface KernelFacts {
  readonly host: HostFacts;
  /** What the configuration asks for. */
  readonly security: Security;
  /** Where no transport has all its kernel modules: those that the payload's kernel lacks for one. */
  readonly missingModules: readonly NeededModule[];
  /** `network.vlan` of the configuration. */
  readonly vlan: number | undefined;
}

export interface KexecFacts {
  /** The kernel was built with kexec. */
  readonly hasKexec: boolean;
  /** kernel.kexec_load_disabled is set. */
  readonly isKexecDisabled: boolean;
}

export function examineKernel({ host, config }: DoctorContext): Promise<readonly Check[]> {
  const { block: { security }, network: { vlan } } = config;
  return Promise.resolve(runChecks(kernelChecks, { host, security, vlan, missingModules: findMissingModules(host) }));
}

/** Of the running kernel. */
export async function examineKexec({ system }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(kexecChecks, {
    hasKexec: await readKernelFile(system, "/sys/kernel/kexec_loaded") !== undefined,
    isKexecDisabled: await readKernelFile(system, "/proc/sys/kernel/kexec_load_disabled") === "1",
  });
}

export const kernelChecks: readonly CheckOf<KernelFacts>[] = [
  ["kernel for desktops", checkKernel],
  ["cable", checkCable],
];

export const kexecChecks: readonly CheckOf<KexecFacts>[] = [["kexec", checkKexec]];

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

function checkCable({ host, security, vlan }: KernelFacts): Verdict {
  if (vlan !== undefined && host.kernel !== undefined && host.missingModules.includes(vlanModule)) {
    return error(
      `${host.kernel.release} has no module ${vlanModule}: a desktop cannot get its disk over VLAN ${vlan}`,
      'Install the package with the kernel\'s extra modules, or take "network: vlan" out of the configuration',
    );
  }
  if (security === "none") {
    return warning("the disk's blocks cross it unencrypted (block.security: none)", cableOfYourOwn);
  }
  if (host.isKernelHidden) return hidden("only root may look where kernels are");
  if (host.kernel === undefined) return unknown("not looked at: there is no kernel", "See the kernel above");
  if (lackingPrograms(host).canTunnel) return ok("the disk's blocks cross it encrypted");
  return warning(
    `${host.kernel.release} has no module wireguard: the disk's blocks cross it unencrypted`,
    "Install the package with the kernel's extra modules, and run setup-server again",
  );
}

const cableOfYourOwn = "Use a cable that leads to the desktop alone, or take that line out of the configuration";

function checkKexec(facts: KexecFacts): Verdict {
  if (!facts.hasKexec) return error("the kernel has none", "Run a kernel with CONFIG_KEXEC_FILE=y");
  if (facts.isKexecDisabled) {
    return error("switched off (kernel.kexec_load_disabled=1)", "Look for it in /etc/sysctl.d, take it out and reboot");
  }
  return ok("possible");
}

/** Of the transports whose programs are there, if there are any. */
function findMissingModules({ missing, missingModules }: HostFacts): readonly NeededModule[] {
  const { usable } = lackingPrograms({ missing, missingModules: [] }).transports;
  const candidates = usable.length > 0 ? usable : listedTransports();
  const { lacking } = chooseTransports(
    candidates,
    (transport) => transportModules(transport).map(({ name }) => name).filter((name) => missingModules.includes(name)),
  );
  return candidates.flatMap((transport) => transportModules(transport)).filter(({ name }) => lacking.includes(name));
}
