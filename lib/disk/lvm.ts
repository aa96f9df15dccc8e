/** Reading logical volumes without writing a byte to their physical volumes. */

import type { System } from "../system/system.ts";
import type { OpenedDevice } from "./luks.ts";

export interface LogicalVolume {
  readonly group: string;
  readonly name: string;
  /** `/dev/GROUP/NAME`, there once it is active. */
  readonly path: string;
  /**
   * Plain extents: activating them writes nothing. Mirrors, thin pools, caches and snapshots update their own
   * metadata.
   */
  readonly isPlain: boolean;
}

/**
 * Global settings for every command: only the devices named, no devices file of whatever system this is, no backup of
 * metadata into /etc, no write to a physical volume. See lvm(8), lvm.conf(5).
 */
function lvmOptions(physicalVolumes: readonly string[], extraConfig = ""): readonly string[] {
  return [
    ...physicalVolumes.flatMap((path) => ["--devices", path]),
    "--config",
    `backup{backup=0 archive=0} global{metadata_read_only=1} ${extraConfig}`.trim(),
  ];
}

const fields = "vg_name,lv_name,lv_layout,lv_role";

/** The volumes on these physical volumes, active or not. Runs `lvm`. */
export async function listVolumes(
  system: System,
  physicalVolumes: readonly string[],
): Promise<readonly LogicalVolume[]> {
  const { stdout } = await system.run(
    ["lvm", "lvs", ...lvmOptions(physicalVolumes), "--noheadings", "--separator", "|", "--options", fields],
    { timeoutMs: 60_000 },
  );
  return parseVolumes(stdout);
}

/** @param text lines of `vg_name|lv_name|lv_layout|lv_role` (lvs(8)) */
export function parseVolumes(text: string): readonly LogicalVolume[] {
  return text.split("\n").map((line) => line.trim().split("|")).flatMap(([group, name, layout, role]) => {
    if (group === undefined || name === undefined || layout === undefined || role === undefined) return [];
    const isPlain = ["linear", "striped"].includes(layout) && !role.split(",").includes("snapshot");
    return [{ group, name, path: `/dev/${group}/${name}`, isPlain }];
  });
}

/** Makes one volume readable; disposing of the result makes it inactive again. Runs `lvm`. */
export async function activateVolume(
  system: System,
  physicalVolumes: readonly string[],
  volume: LogicalVolume,
): Promise<OpenedDevice> {
  const name = `${volume.group}/${volume.name}`;
  // The only way to have a volume read-only without changing its permission on disk.
  const readOnly = `activation{read_only_volume_list=["${name}"]}`;
  await system.run(["lvm", "lvchange", ...lvmOptions(physicalVolumes, readOnly), "--activate", "y", name], {
    timeoutMs: 60_000,
  });
  return {
    path: volume.path,
    [Symbol.asyncDispose]: async () => {
      await system.run(deactivateVolume(physicalVolumes, volume), { isCleanup: true, timeoutMs: 60_000 });
    },
  };
}

/** The command that makes a volume inactive. */
export function deactivateVolume(
  physicalVolumes: readonly string[],
  { group, name }: Pick<LogicalVolume, "group" | "name">,
): readonly string[] {
  return ["lvm", "lvchange", ...lvmOptions(physicalVolumes), "--activate", "n", `${group}/${name}`];
}

/**
 * The volume that a device mapper name stands for: "GROUP-NAME", a hyphen in either doubled (lvm(8), "VALID NAMES").
 */
export function parseMapperName(mapperName: string): Pick<LogicalVolume, "group" | "name"> | undefined {
  const match = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(mapperName);
  const [group, name] = [match?.[1], match?.[2]].map((part) => part?.replaceAll("--", "-"));
  return group === undefined || name === undefined ? undefined : { group, name };
}
