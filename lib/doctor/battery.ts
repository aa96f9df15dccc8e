/** The laptop's battery. */

import { outputIfItWorks } from "../host/ask_program.ts";
import { readKernelFile } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { type Check, type CheckOf, error, ok, runChecks, type Verdict, warning } from "./check.ts";
import type { DoctorContext } from "./context.ts";

export interface BatteryFacts {
  readonly capacityPercent: number;
  readonly isDischarging: boolean;
}

export async function examineBattery({ system }: DoctorContext): Promise<readonly Check[]> {
  return runChecks(batteryChecks, await readBattery(system));
}

export const batteryChecks: readonly CheckOf<BatteryFacts | undefined>[] = [["battery", checkBattery]];

const lowPercent = 30;

function checkBattery(battery: BatteryFacts | undefined): Verdict {
  if (battery === undefined) return ok("none");
  const { capacityPercent, isDischarging } = battery;
  if (!isDischarging) return ok(`${capacityPercent} %, on mains`);
  const cure = "Plug the laptop in: when it runs empty, the desktop's disk is gone";
  const found = `${capacityPercent} %, discharging`;
  return capacityPercent < lowPercent ? error(found, cure) : warning(found, cure);
}

async function readBattery(system: System): Promise<BatteryFacts | undefined> {
  const names = await outputIfItWorks(system, ["ls", "/sys/class/power_supply"]);
  for (const name of names?.split("\n") ?? []) {
    const directory = `/sys/class/power_supply/${name}`;
    // power_supply(5) of the kernel: a mouse's battery has scope "Device".
    if (name === "" || await readKernelFile(system, `${directory}/type`) !== "Battery") continue;
    if (await readKernelFile(system, `${directory}/scope`) === "Device") continue;
    const capacity = Number(await readKernelFile(system, `${directory}/capacity`));
    if (!Number.isFinite(capacity)) continue;
    return {
      capacityPercent: capacity,
      isDischarging: await readKernelFile(system, `${directory}/status`) === "Discharging",
    };
  }
  return undefined;
}
