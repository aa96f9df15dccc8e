/** The disk that the configuration names. */

import { outputIfItWorks } from "../host/ask_program.ts";
import { flattenDevices, type StorageFacts } from "../host/storage_facts.ts";
import type { BlockDevice } from "../system/facts.ts";
import type { System } from "../system/system.ts";

/** `boot.disk` of the configuration. */
export interface ConfiguredDisk {
  readonly path: string;
  readonly found: BlockDevice | undefined;
}

/** Runs `udevadm`. */
export async function findConfiguredDisk(
  system: System,
  storage: StorageFacts,
  path: string | undefined,
): Promise<ConfiguredDisk | undefined> {
  if (path === undefined) return undefined;
  const name = await outputIfItWorks(system, ["udevadm", "info", "--query=name", "--root", `--name=${path}`]);
  const found = flattenDevices(storage.disks).find((device) => device.path === (name?.trim() ?? path));
  return { path, found };
}
