/** OVMF for one machine, with Secure Boot switched on or without keys, which leaves it off. */

import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { UefiFirmware } from "./vm_spec.ts";

/** The firmware of Debian's package ovmf that is built with SMM. */
export const secureBootCodePath = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
/** Variables with Microsoft's keys enrolled, so that Secure Boot is enforced. */
const enrolledVariablesPath = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
/** Its variables without any key. */
const emptyVariablesPath = "/usr/share/OVMF/OVMF_VARS_4M.fd";

interface FirmwarePlace {
  readonly runDirectory: string;
  /** Name of the machine. */
  readonly name: string;
}

/** Variables as new, which enforce Secure Boot. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareSecureBoot(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, enrolledVariablesPath);
}

/** Variables as new, and Secure Boot off. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareUefi(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, emptyVariablesPath);
}

async function prepareFirmware(
  system: System,
  { runDirectory, name }: FirmwarePlace,
  newVariablesPath: string,
): Promise<UefiFirmware> {
  for (const path of [secureBootCodePath, newVariablesPath]) {
    if (await system.stat(path) !== undefined) continue;
    throw new UserError(`No UEFI firmware: "${path}" is not there`, {
      hints: ["apt-get install ovmf"],
    });
  }
  const variablesPath = `${runDirectory}/${name}.uefi-variables`;
  await system.run(["cp", "--no-preserve=mode", "--", newVariablesPath, variablesPath]);
  return { codePath: secureBootCodePath, variablesPath };
}
