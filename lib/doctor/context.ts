/** What every topic of `doctor` may start from. */

import { BootError } from "../boot_error.ts";
import { type BootPreview, previewBoot, splitMountedSystem } from "../boot/preview_boot.ts";
import type { Config } from "../config/config.ts";
import { chooseGenerator, gatherHostFacts, type HostFacts } from "../host/host_facts.ts";
import { flattenDevices, gatherStorageFacts, type StorageFacts } from "../host/storage_facts.ts";
import type { HostTree } from "../host/tree.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import type { BlockDevice } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { unlessRefused } from "../file_access.ts";
import { type ConfiguredDisk, findConfiguredDisk } from "./configured_disk.ts";

export interface DoctorInputs {
  readonly config: Config;
  readonly configPath: string;
  readonly keyPath: string;
  readonly buildDirectory: string;
}

export interface DoctorContext extends DoctorInputs {
  readonly system: System;
  readonly tree: HostTree;
  readonly host: HostFacts;
  readonly generator: GeneratorId | undefined;
  readonly storage: StorageFacts;
  /** `boot.disk` of the configuration; undefined when it is not set. */
  readonly disk: ConfiguredDisk | undefined;
  /** The disk that a desktop gets, as far as it is known. */
  readonly served: BlockDevice | undefined;
  /** What a server would send a desktop; undefined: only root may look. */
  readonly bootEntry: BootPreview | { readonly refusal: string } | undefined;
  /** Kernel command line of the laptop's own start: of the running system, or of a mounted one's boot entry. */
  readonly ownCommandLine: string;
  /** Kernel command line that a desktop gets: of the configuration, else the laptop's own. */
  readonly commandLine: string;
}

/** Runs `findmnt`, `systemctl`, `cat`, `lsblk`, `udevadm`. */
export async function gatherContext(system: System, tree: HostTree, inputs: DoctorInputs): Promise<DoctorContext> {
  const host = await gatherHostFacts(system, tree);
  const storage = await gatherStorageFacts(system, tree.prefix);
  const { boot, modules } = inputs.config;
  const bootEntry = await unlessRefused(lookAtBootEntry(system, tree, { storage, load: boot.load }), undefined);
  const ownCommandLine = tree.isRunning || bootEntry === undefined || "refusal" in bootEntry
    ? host.commandLine
    : bootEntry.commandLine;
  const disk = await findConfiguredDisk(system, storage, boot.disk);
  return {
    ...inputs,
    system,
    tree,
    host,
    generator: chooseGenerator(host, modules),
    storage,
    disk,
    served: disk?.found ?? storage.root?.devices[0],
    bootEntry,
    ownCommandLine,
    commandLine: boot.load?.cmdline.join(" ") ?? ownCommandLine,
  };
}

/** As `boot-entry` shows it. */
async function lookAtBootEntry(
  system: System,
  tree: HostTree,
  { storage, load }: { readonly storage: StorageFacts; readonly load: Config["boot"]["load"] },
): Promise<DoctorContext["bootEntry"]> {
  const devices = flattenDevices(storage.disks);
  const named = (await splitMountedSystem(system, tree.prefix || "/")).map((partition) => {
    const device = devices.find(({ mountPoints }) => mountPoints.includes(partition.directory));
    return device?.uuid === undefined ? partition : { ...partition, uuid: device.uuid };
  });
  try {
    return await previewBoot(system, named, load);
  } catch (problem) {
    if (!(problem instanceof BootError)) throw problem;
    return { refusal: problem.message };
  }
}
