/** `doctor`: all topics in the order in which they are shown. */

import type { HostTree } from "../host/tree.ts";
import type { System } from "../system/system.ts";
import { artifactChecks, examineArtifacts } from "./artifacts.ts";
import { batteryChecks, examineBattery } from "./battery.ts";
import { bootEntryChecks, examineBootEntry } from "./boot_entry.ts";
import { type Check, type CheckOf, hidden, onTheLaptop, unknown } from "./check.ts";
import { unlessRefused } from "../file_access.ts";
import { type DoctorContext, type DoctorInputs, gatherContext } from "./context.ts";
import { examineUpdates, updateChecks } from "./debian_updates.ts";
import { desktopBootChecks, examineDesktopBoot } from "./desktop_boot.ts";
import { diskChecks, examineDisks } from "./disks.ts";
import { distributionChecks, examineDistribution } from "./distribution.ts";
import { encryptionChecks, examineEncryption } from "./encryption.ts";
import { examineFirewall, firewallChecks } from "./firewall.ts";
import { examineHibernation, hibernationChecks } from "./hibernation.ts";
import { examineKernel, examineKexec, kernelChecks, kexecChecks } from "./kernel.ts";
import { examineNames, nameChecks } from "./names.ts";
import { examineNetwork, examineNetworkPrograms, networkChecks, networkProgramChecks } from "./network.ts";
import { examineSecureBoot, secureBootChecks } from "./secure_boot.ts";
import { examineUsbGuard, usbGuardChecks } from "./usbguard.ts";

interface Topic {
  /** Of its checks, in order. */
  readonly titles: readonly string[];
  /** It is about the machine and the kernel that run now, which a mounted system does not show. */
  readonly isOfMachine: boolean;
  examine(context: DoctorContext): Promise<readonly Check[]>;
}

function topic<Facts>(checks: readonly CheckOf<Facts>[], examine: Topic["examine"]): Topic {
  return { titles: checks.map(([title]) => title), isOfMachine: false, examine };
}

function machineTopic<Facts>(checks: readonly CheckOf<Facts>[], examine: Topic["examine"]): Topic {
  return { ...topic(checks, examine), isOfMachine: true };
}

/**
 * A topic gathers its facts and decides what they mean. A new check goes into the topic it belongs to; a new topic
 * into this list.
 */
const topics: readonly Topic[] = [
  topic(distributionChecks, examineDistribution),
  topic(kernelChecks, examineKernel),
  machineTopic(kexecChecks, examineKexec),
  topic(desktopBootChecks, examineDesktopBoot),
  topic(bootEntryChecks, examineBootEntry),
  machineTopic(secureBootChecks, examineSecureBoot),
  topic(diskChecks, examineDisks),
  topic(nameChecks, examineNames),
  topic(encryptionChecks, examineEncryption),
  topic(hibernationChecks, examineHibernation),
  topic(networkProgramChecks, examineNetworkPrograms),
  machineTopic(networkChecks, examineNetwork),
  machineTopic(firewallChecks, examineFirewall),
  topic(usbGuardChecks, examineUsbGuard),
  machineTopic(batteryChecks, examineBattery),
  topic(artifactChecks, examineArtifacts),
  topic(updateChecks, examineUpdates),
];

/**
 * Changes nothing. Runs `cat`, `lsblk`, `ip`, `findmnt`, `systemctl`, `udevadm`, `mokutil`, `od`, `cryptsetup`, `ls`,
 * `nft`, `apt-cache`; those that are not installed say nothing. A topic that needs what only root may see is "unknown"
 * as a whole, and so is one about the running machine when the tree is a mounted system.
 */
export async function examineHost(system: System, tree: HostTree, inputs: DoctorInputs): Promise<readonly Check[]> {
  const context = await gatherContext(system, tree, inputs);
  const checks: Check[] = [];
  for (const { titles, isOfMachine, examine } of topics) {
    if (isOfMachine && !tree.isRunning) {
      const unseen = unknown(`not looked at: that is not in "${tree.prefix}"`, onTheLaptop);
      checks.push(...titles.map((title) => ({ title, ...unseen })));
      continue;
    }
    const refused = titles.map((title) => ({ title, ...hidden("not seen: only root may look") }));
    checks.push(...await unlessRefused(examine(context), refused));
  }
  return checks;
}
