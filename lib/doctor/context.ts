/** What every topic of `doctor` may start from. */

import type { Config } from "../config/config.ts";
import { chooseGenerator, gatherHostFacts, type HostFacts } from "../host/host_facts.ts";
import { gatherStorageFacts, type StorageFacts } from "../host/storage_facts.ts";
import type { HostTree } from "../host/tree.ts";
import type { GeneratorId } from "../initramfs/generator.ts";
import type { BlockDevice } from "../system/facts.ts";
import type { System } from "../system/system.ts";
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
  /** Kernel command line that a desktop gets: of the configuration, else of the running system. */
  readonly commandLine: string;
}

/** Runs `findmnt`, `systemctl`, `cat`, `lsblk`, `udevadm`. */
export async function gatherContext(system: System, tree: HostTree, inputs: DoctorInputs): Promise<DoctorContext> {
  const host = await gatherHostFacts(system, tree);
  const storage = await gatherStorageFacts(system);
  const { boot, modules } = inputs.config;
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
    commandLine: boot.load?.cmdline.join(" ") ?? host.commandLine,
  };
}
