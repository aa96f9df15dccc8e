/** Whether the laptop may sleep on its disk. */

import { transportNeeds } from "../export/needs.ts";
import { flattenDevices, type StorageFacts } from "../host/storage_facts.ts";
import type { HostTree } from "../host/tree.ts";
import { parseKernelCommandLine } from "../formats/kernel_command_line.ts";
import { readKernelFile } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import {
  type Check,
  type CheckOf,
  error,
  ok,
  onTheLaptop,
  runChecks,
  unknown,
  type Verdict,
  warning,
} from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { isLuks } from "../host/storage_facts.ts";

export interface HibernationFacts {
  readonly storage: StorageFacts;
  /** Kernel command line of the laptop's own start. */
  readonly commandLine: string;
  /** Where the laptop's own initramfs looks for a hibernated system that the kernel command line does not name. */
  readonly initramfsResume: string | undefined;
  /**
   * Swap in which systemd hibernates without any setting: it writes the place into the firmware's variable
   * HibernateLocation (systemd-hibernate-resume-generator(8)). Undefined where this machine cannot hibernate like
   * that; "not seen" where the system does not run.
   */
  readonly swap: string | undefined | typeof notSeen;
  readonly isEncrypted: boolean;
}

const notSeen = "not seen";

export async function examineHibernation(context: DoctorContext): Promise<readonly Check[]> {
  const { system, tree, host, storage, served } = context;
  return runChecks(hibernationChecks, {
    storage,
    commandLine: context.ownCommandLine,
    initramfsResume: await readInitramfsResume(tree),
    swap: !host.hasSystemd ? undefined : tree.isRunning ? await readSwap(system) : notSeen,
    isEncrypted: flattenDevices(served === undefined ? [] : [served]).some(isLuks),
  });
}

export const hibernationChecks: readonly CheckOf<HibernationFacts>[] = [["hibernation", checkHibernation]];

function checkHibernation(facts: HibernationFacts): Verdict {
  const { storage, commandLine, initramfsResume, swap, isEncrypted } = facts;
  if (flattenDevices(storage.disks).some((device) => device.fsType === "swsuspend")) {
    return error(
      "a hibernated system is on the disk",
      "Start that system and shut it down: the disk is not served like this",
    );
  }
  const never = isEncrypted
    ? "Never hibernate before using the disk from a desktop: behind encryption only the desktop can see it, and refuses"
    : "Never hibernate before using the disk from a desktop; a hibernated disk is refused";
  const resume = parseKernelCommandLine(commandLine).find(({ name }) => name === "resume")?.value ?? initramfsResume;
  if (resume !== undefined) return warning(`set up (resume=${resume})`, never);
  if (swap === notSeen) {
    return unknown("not set up; whether systemd finds swap by itself shows on the running laptop only", onTheLaptop);
  }
  if (swap !== undefined) return warning(`possible without any setting: systemd finds ${swap} by itself`, never);
  return ok("not set up");
}

async function readSwap(system: System): Promise<string | undefined> {
  const canHibernate = await readKernelFile(system, "/sys/firmware/efi/fw_platform_size") !== undefined &&
    (await readKernelFile(system, "/sys/power/state"))?.split(" ").includes("disk") === true;
  return canHibernate ? findSwap(await readKernelFile(system, "/proc/swaps") ?? "") : undefined;
}

/**
 * The first swap that memory fits into and that outlives the power.
 * @param text content of /proc/swaps (proc_swaps(5)): a heading, then name, type, size, …
 */
export function findSwap(text: string): string | undefined {
  const names = text.split("\n").slice(1).map((line) => line.split(/\s+/)[0] ?? "").filter((name) => name !== "");
  const network = transportNeeds.filter(({ desktop }) => desktop.hasCommonNames !== true);
  const passing = ["/dev/zram", ...network.map(({ desktop }) => desktop.device)];
  return names.find((name) => !passing.some((start) => name.startsWith(start)))?.replaceAll("\\040", " ");
}

async function readInitramfsResume(tree: HostTree): Promise<string | undefined> {
  const directory = "/etc/initramfs-tools";
  const texts = [await tree.readText(`${directory}/initramfs.conf`)];
  for (const name of await tree.list(`${directory}/conf.d`)) {
    texts.push(await tree.readText(`${directory}/conf.d/${name}`));
  }
  return parseInitramfsResume(texts.join("\n"));
}

/**
 * RESUME of initramfs-tools (initramfs-tools(7)), which Debian's installer sets; "auto" finds something or not.
 * @param settings one file after the other
 */
export function parseInitramfsResume(settings: string): string | undefined {
  // The last assignment counts, as in the shell that sources them.
  const value = [...settings.matchAll(/^[ \t]*RESUME=["']?([^"'\s#]*)/gm)].at(-1)?.[1];
  return value === undefined || ["", "auto", "none"].includes(value) ? undefined : value;
}
