/** Whether this machine starts the image's kernel under Secure Boot. */

import { commandToType } from "../command_to_type.ts";
import { readKernelSignature } from "../boot/kernel_signature.ts";
import type { KernelSignature } from "../boot/kernel_signers.ts";
import { judgeKernel, parseTrustedKeys, type TrustedKey } from "../boot/kernel_trust.ts";
import { outputIfItWorks } from "../host/ask_program.ts";
import type { HostTree } from "../host/tree.ts";
import { readKernelFile, readLockdown } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, hidden, ok, runChecks, type Verdict, warning } from "./check.ts";
import { type DoctorContext } from "./context.ts";
import { unlessRefused } from "../file_access.ts";

export interface SecureBootFacts {
  /** The firmware enforces it. */
  readonly isSecureBoot: boolean;
  /** "integrity", "confidentiality"; undefined where the kernel is not locked down. */
  readonly lockdown: string | undefined;
  /**
   * The kernel that the laptop would turn into; undefined when it is missing, or its signature is not checked; "hidden"
   * when only root may read it.
   */
  readonly imageKernel: { readonly path: string; readonly signature: KernelSignature } | "hidden" | undefined;
  /**
   * The keys that the running kernel checks signatures with; undefined where they are not shown, or none are needed.
   */
  readonly trustedKeys: readonly TrustedKey[] | undefined;
}

export async function examineSecureBoot(context: DoctorContext): Promise<readonly Check[]> {
  const { system, tree, config, buildDirectory } = context;
  const lockdown = await readLockdown(system);
  const isSecureBoot = await readSecureBoot(system);
  const paths = { installed: config.serverSetup.stiefelsystemKernel, built: `${buildDirectory}/kernel` };
  const facts = lockdown === undefined ? { imageKernel: undefined, trustedKeys: undefined } : {
    imageKernel: await unlessRefused(readImageKernel(system, tree, paths), "hidden" as const),
    trustedKeys: await readTrustedKeys(system),
  };
  return runChecks(secureBootChecks, { isSecureBoot, lockdown, ...facts });
}

export const secureBootChecks: readonly CheckOf<SecureBootFacts>[] = [["Secure Boot", checkSecureBoot]];

/** Locked down, a kernel only starts kernels signed by a key it trusts, by kexec_file_load (kernel_lockdown(7)). */
function checkSecureBoot({ isSecureBoot, lockdown, imageKernel, trustedKeys }: SecureBootFacts): Verdict {
  if (lockdown === undefined) return ok(isSecureBoot ? "on, the kernel is not locked down" : "off");
  const locked = `the kernel is locked down (${lockdown})`;
  if (imageKernel === undefined) {
    return warning(`${locked}: it starts signed kernels only`, "Build the image, and run doctor again");
  }
  if (imageKernel === "hidden") return hidden(`${locked}; only root may read the image's kernel`);
  const { path, signature } = imageKernel;
  const trust = judgeKernel({ lockdown, trustedKeys }, signature);
  switch (trust.kind) {
    case "unsigned":
      return error(
        `${locked}, and ${path} is not signed`,
        "Build the image with a signed kernel, as Debian's linux-image-amd64 is, or switch Secure Boot off in the firmware",
      );
    case "changed":
      return error(
        `${locked}, and ${path} is not what was signed`,
        `Build the image again, and run ${commandToType("setup-server", { asRoot: true })}`,
      );
    case "untrusted":
      return error(
        `${locked}, and does not trust "${trust.signer}", who signed ${path}`,
        "Enroll that certificate with mokutil --import, and reboot; or switch Secure Boot off in the firmware",
      );
    case "not-known":
      return hidden(
        `${locked}; doctor cannot see whether it trusts "${trust.signer ?? "an unknown signer"}", who signed ${path}`,
      );
    case "trusted":
      return ok(`${locked}, and trusts "${trust.signer}", who signed ${path}`);
    case "not-checked":
      return ok(locked);
  }
}

/** Whether the firmware enforces it. Runs `mokutil`, or `od` where that is missing. */
export async function readSecureBoot(system: System): Promise<boolean> {
  const state = await outputIfItWorks(system, ["mokutil", "--sb-state"]);
  if (state !== undefined) return /SecureBoot enabled/i.test(state);
  // UEFI specification 3.3, "Globally Defined Variables": 4 bytes of attributes, then 1 when enabled.
  const variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
  const dump = await outputIfItWorks(system, ["od", "--address-radix=n", "--format=u1", variable]);
  return dump?.trim().split(/\s+/)[4] === "1";
}

/** The installed kernel of the image, or else the one that was built. */
async function readImageKernel(
  system: System,
  tree: HostTree,
  { installed, built }: { readonly installed: string; readonly built: string },
): Promise<{ readonly path: string; readonly signature: KernelSignature } | undefined> {
  const isInstalled = (await tree.status(installed))?.kind === "file";
  const path = isInstalled ? await tree.locate(installed) : built;
  if (await system.stat(path) === undefined) return undefined;
  return { path: isInstalled ? installed : built, signature: readKernelSignature(await system.readFile(path)) };
}

/** Runs `cat`. */
async function readTrustedKeys(system: System): Promise<readonly TrustedKey[] | undefined> {
  return parseTrustedKeys(await readKernelFile(system, "/proc/keys") ?? "");
}
