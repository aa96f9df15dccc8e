/** OVMF for one machine, with Secure Boot switched on or without keys, which leaves it off. */

import { type ArchitectureName, usualArchitecture } from "../architecture.ts";
import { aavmf, ovmf } from "../debian/ovmf.ts";
import { UserError } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { UefiFirmware } from "./vm_spec.ts";

interface FirmwarePlace {
  /** Default amd64. */
  readonly architecture?: ArchitectureName;
  readonly runDirectory: string;
  /** Name of the machine. */
  readonly name: string;
}

/** Variables as new, which enforce Secure Boot. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareSecureBoot(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, "enrolledVariables");
}

/** Variables as new, and Secure Boot off. Runs `cp`. @throws {UserError} where OVMF is not installed */
export async function prepareUefi(system: System, place: FirmwarePlace): Promise<UefiFirmware> {
  return await prepareFirmware(system, place, "emptyVariables");
}

async function prepareFirmware(
  system: System,
  { architecture = usualArchitecture, runDirectory, name }: FirmwarePlace,
  variables: "enrolledVariables" | "emptyVariables",
): Promise<UefiFirmware> {
  const files = { amd64: ovmf, arm64: aavmf }[architecture];
  const newVariablesPath = files[variables];
  for (const path of [files.secureBootCode, newVariablesPath]) {
    if (await system.stat(path) !== undefined) continue;
    throw new UserError(`No UEFI firmware: "${path}" is not there`, {
      hints: [`apt-get install ${files.package}`],
    });
  }
  const variablesPath = `${runDirectory}/${name}.uefi-variables`;
  await system.run(["cp", "--no-preserve=mode", "--", newVariablesPath, variablesPath]);
  return { codePath: files.secureBootCode, variablesPath };
}
