/** OVMF for one machine, with Secure Boot switched on or without keys, which leaves it off. */

import { ovmf } from "../debian/ovmf.ts";
import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { UefiFirmware } from "./vm_spec.ts";

interface FirmwarePlace {
  readonly runDirectory: string;
  /** Name of the machine. */
  readonly name: string;
}

/** Variables as new, which enforce Secure Boot. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareSecureBoot(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, ovmf.enrolledVariables);
}

/** Variables as new, and Secure Boot off. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareUefi(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, ovmf.emptyVariables);
}

async function prepareFirmware(
  system: System,
  { runDirectory, name }: FirmwarePlace,
  newVariablesPath: string,
): Promise<UefiFirmware> {
  for (const path of [ovmf.secureBootCode, newVariablesPath]) {
    if (await system.stat(path) !== undefined) continue;
    throw new UserError(`No UEFI firmware: "${path}" is not there`, {
      hints: [`apt-get install ${ovmf.package}`],
    });
  }
  const variablesPath = `${runDirectory}/${name}.uefi-variables`;
  await system.run(["cp", "--no-preserve=mode", "--", newVariablesPath, variablesPath]);
  return { codePath: ovmf.secureBootCode, variablesPath };
}
