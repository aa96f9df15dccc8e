/** What `doctor` looks at to tell whether this machine starts the image's kernel under Secure Boot. */

import { type KernelSignature, readKernelSignature } from "../boot/kernel_signature.ts";
import { readKernelFile } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { outputIfItWorks } from "./ask_program.ts";
import type { HostTree } from "./tree.ts";

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
export async function readImageKernel(
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
export async function readTrustedKeys(system: System): Promise<readonly string[] | undefined> {
  return parseTrustedKeys(await readKernelFile(system, "/proc/keys") ?? "");
}

/**
 * The certificates among the keys of /proc/keys (proc_keys(5)): nine columns, the eighth the type, which is cut off, and a description, whose
 * last words are the certificate's number and kind.
 * @returns undefined where there are none: only root is shown the kernel's
 */
export function parseTrustedKeys(text: string): readonly string[] | undefined {
  const descriptions = text.split("\n").flatMap((line) => {
    const match = /^[0-9a-f]+(?: +\S+){6} +asymmetri\S* +(.*?): [0-9a-f]+: X509\.\S+/.exec(line.trim());
    return match?.[1] === undefined ? [] : [match[1]];
  });
  return descriptions.length === 0 ? undefined : descriptions;
}
