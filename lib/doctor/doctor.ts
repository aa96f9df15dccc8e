/** `doctor`: all topics in the order in which they are shown. */

import type { HostTree } from "../host/tree.ts";
import type { System } from "../system/system.ts";
import { examineArtifacts } from "./artifacts.ts";
import { examineBattery } from "./battery.ts";
import { examineBootEntry } from "./boot_entry.ts";
import type { Check } from "./check.ts";
import { type DoctorContext, type DoctorInputs, gatherContext } from "./context.ts";
import { examineDesktopBoot } from "./desktop_boot.ts";
import { examineDisks } from "./disks.ts";
import { examineDistribution } from "./distribution.ts";
import { examineEncryption } from "./encryption.ts";
import { examineFirewall } from "./firewall.ts";
import { examineHibernation } from "./hibernation.ts";
import { examineKernel } from "./kernel.ts";
import { examineNames } from "./names.ts";
import { examineNetwork } from "./network.ts";
import { examineSecureBoot } from "./secure_boot.ts";
import { examineUsbGuard } from "./usbguard.ts";

/**
 * A topic gathers its facts and decides what they mean. A new check goes into the topic it belongs to; a new topic
 * into this list.
 */
const topics: readonly ((context: DoctorContext) => Promise<readonly Check[]>)[] = [
  examineDistribution,
  examineKernel,
  examineDesktopBoot,
  examineBootEntry,
  examineSecureBoot,
  examineDisks,
  examineNames,
  examineEncryption,
  examineHibernation,
  examineNetwork,
  examineFirewall,
  examineUsbGuard,
  examineBattery,
  examineArtifacts,
];

/**
 * Changes nothing. Runs `cat`, `lsblk`, `ip`, `findmnt`, `systemctl`, `udevadm`, `mokutil`, `od`, `cryptsetup`, `ls`,
 * `nft`; those that are not installed say nothing.
 */
export async function examineHost(system: System, tree: HostTree, inputs: DoctorInputs): Promise<readonly Check[]> {
  const context = await gatherContext(system, tree, inputs);
  const checks: Check[] = [];
  for (const examine of topics) checks.push(...await examine(context));
  return checks;
}
