/** OVMF with Secure Boot switched on, for one machine. */

import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { UefiFirmware } from "./vm_spec.ts";

/** Of Debian's package ovmf: the firmware built with SMM. */
export const secureBootCodePath = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
/** Its variables with Microsoft's keys enrolled, so that Secure Boot is enforced. */
const enrolledVariablesPath = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";

/** Variables as new, for the machine `name`. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareSecureBoot(
  system: System,
  { runDirectory, name }: { readonly runDirectory: string; readonly name: string },
): Promise<UefiFirmware> {
  for (const path of [secureBootCodePath, enrolledVariablesPath]) {
    if (await system.stat(path) !== undefined) continue;
    throw new UserError(`No UEFI firmware with Secure Boot: "${path}" is not there`, {
      hints: ["apt-get install ovmf"],
    });
  }
  const variablesPath = `${runDirectory}/${name}.uefi-variables`;
  await system.run(["cp", "--no-preserve=mode", "--", enrolledVariablesPath, variablesPath]);
  return { codePath: secureBootCodePath, variablesPath };
}
