/** Places on a disk where boot files may be, looked into one after the other. */

import { DiskError } from "../disk/disk_error.ts";
import { describeHibernation, describeUnclean } from "../disk/inspect_disk.ts";
import { needsRecovery } from "../disk/needs_recovery.ts";
import { activateVolume, listVolumes, type LogicalVolume } from "../disk/lvm.ts";
import { isMountable, mountReadOnly } from "../disk/mount.ts";
import { probeSignature } from "../disk/signature.ts";
import { CommandError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { type MountedFiles, readMountedFiles } from "./boot_files.ts";
import { listSubvolumes } from "./btrfs_subvolumes.ts";
import { readBlockList } from "./device_blocks.ts";
import type { BootLoadSettings } from "../formats/stiefelsystem_json.ts";
import { BootError } from "../boot_error.ts";

/** `boot.part` of the configuration. */
export interface BootPartSettings {
  readonly type: "plain" | "luks";
  /**
   * The file system with the boot files. For "luks": the volume inside; without one, absent or the same as
   * `luksBlock`.
   */
  readonly block?: string | undefined;
  readonly luksBlock?: string | undefined;
}

export interface BootSettings {
  /** Path of the disk; undefined: the only built-in one. */
  readonly disk?: string | undefined;
  /** undefined: all partitions of the disk are searched. */
  readonly part?: BootPartSettings | undefined;
  readonly load?: BootLoadSettings | undefined;
  /** A directory of our own, made when it is missing, where partitions get mounted. */
  readonly workDirectory?: string | undefined;
}

const defaultWorkDirectory = "/run/stiefelsystem";

export interface SearchContext {
  readonly system: System;
  readonly settings: BootSettings;
  /** Why a place was not taken, for the message when nothing is found. */
  readonly reasons: string[];
  /**
   * Notices for users about containers that lib/disk/inspect_disk.ts could not look into, because they were locked
   * then.
   */
  readonly notices?: string[];
}

/** A device that may hold boot files. */
export interface Place {
  readonly label: string;
  /** libblkid's name, where it was found out already. */
  readonly fileSystem?: string;
  /** Activating it would write, so it cannot be looked into. */
  readonly isClosed?: boolean;
  /** @returns the device's path; what has to be undone is put into the scope */
  open(scope: AsyncDisposableStack): Promise<string>;
}

/** A file system that is mounted. */
export interface LookedAt {
  readonly device: string;
  readonly fileSystem: string;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  readonly files: MountedFiles;
  /** The files are those of its top directory, not those that its boot loader sees. */
  readonly isTop: boolean;
  /** Paths of a btrfs' subvolumes, as it names them itself; undefined for other file systems. */
  readonly subvolumes: readonly string[] | undefined;
}

/** A place that is open; disposing of it unmounts and closes all of it. */
export interface OpenedPlace extends AsyncDisposable {
  /** On btrfs one file system is looked at from two sides. */
  readonly views: readonly LookedAt[];
}

/** Opens the places one after the other, all of them: each may hold a hibernated system. */
export async function lookAtPlaces(
  context: SearchContext,
  scope: AsyncDisposableStack,
  places: readonly Place[],
): Promise<readonly OpenedPlace[]> {
  const results: OpenedPlace[] = [];
  for (const place of places) {
    try {
      const opened = await lookAtPlace(context, place);
      if (opened !== undefined) results.push(scope.use(opened));
    } catch (error) {
      // A place that cannot be used is not the end of a search; the reason is kept.
      if (!(error instanceof Error) || (error instanceof BootError && error.code === "hibernated")) throw error;
      context.reasons.push(`${place.label}: ${error.message.split("\n", 1)[0]}`);
    }
  }
  return results;
}

/** @returns undefined when there is no file system. @throws {BootError} when it cannot be opened, or is hibernated */
export async function lookAtPlace(context: SearchContext, place: Place): Promise<OpenedPlace | undefined> {
  await using attempt = new AsyncDisposableStack();
  const device = await place.open(attempt);
  const views = await lookAtDevice(context, attempt, { device, fileSystem: place.fileSystem });
  if (views.length === 0) return undefined;
  const owned = attempt.move();
  return { views, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * @returns the device's file system as its boot loader sees it, and where that may differ from its top; empty for a
 *   device without one
 */
async function lookAtDevice(
  context: SearchContext,
  scope: AsyncDisposableStack,
  known: { readonly device: string; readonly fileSystem?: string | undefined },
): Promise<readonly LookedAt[]> {
  const { system } = context;
  const { device } = known;
  const { type: fileSystem = "nothing", uuid, label } = await probeSignature(system, device) ?? {};
  if (fileSystem === "swsuspend") throw new BootError("hibernated", describeHibernation(device));
  if (!isMountable(fileSystem)) {
    context.reasons.push(`${device}: ${fileSystem === "nothing" ? "no file system" : fileSystem}`);
    return [];
  }
  if (context.notices !== undefined && await needsRecovery(system, device, fileSystem)) {
    context.notices.push(describeUnclean(device, fileSystem));
  }
  // On btrfs the default subvolume is what boot loaders see; the top of the file system holds the others.
  const views = fileSystem === "btrfs" ? [[], ["subvolid=5"]] : [[]];
  const partitionViews: LookedAt[] = [];
  for (const options of views) {
    await using attempt = new AsyncDisposableStack();
    const directory = await makeMountPoint(context, attempt);
    attempt.use(await mountReadOnly(system, { device, fileSystem, directory, options }));
    const files = readMountedFiles(system, directory, { readBlocks: (list) => readBlockList(system, device, list) });
    const isTop = options.length > 0;
    // Those of the default one are its own directories.
    const subvolumes = isTop ? await listSubvolumes(system, directory) : fileSystem === "btrfs" ? [] : undefined;
    scope.use(attempt.move());
    partitionViews.push({ device, fileSystem, uuid, label, files, isTop, subvolumes });
  }
  return partitionViews;
}

async function makeMountPoint({ system, settings }: SearchContext, scope: AsyncDisposableStack): Promise<string> {
  const parent = settings.workDirectory ?? defaultWorkDirectory;
  await system.makeDirectory(parent, { mode: 0o700 });
  const directory = await system.makeTempDirectory({ parent, prefix: "boot-" });
  // By rmdir, which cannot remove anything should the partition still be mounted here.
  scope.defer(async () => {
    await system.run(["rmdir", directory], { isCleanup: true, timeoutMs: 10_000 });
  });
  return directory;
}

export function atPath(path: string, fileSystem?: string): Place {
  return { label: path, ...(fileSystem === undefined ? {} : { fileSystem }), open: () => Promise.resolve(path) };
}

export async function findVolumePlaces(
  { system, reasons }: SearchContext,
  physicalVolumes: readonly string[],
): Promise<readonly Place[]> {
  if (physicalVolumes.length === 0) return [];
  let volumes: readonly LogicalVolume[];
  try {
    volumes = await listVolumes(system, physicalVolumes);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const why = error.failure.notFound ? 'the image was built without the module "lvm"' : error.message;
    reasons.push(`LVM on ${physicalVolumes.join(", ")} cannot be read: ${why}`);
    return [];
  }
  return volumes.map((volume) => ({
    label: volume.path,
    isClosed: !volume.isPlain,
    open: async (scope) => {
      if (!volume.isPlain) {
        throw new BootError("unsupported", "it is not a plain volume, and activating it would write");
      }
      return scope.use(await activateVolume(system, physicalVolumes, volume)).path;
    },
  }));
}

export async function openOrNote(
  context: SearchContext,
  scope: AsyncDisposableStack,
  place: Place,
): Promise<string | undefined> {
  try {
    return await place.open(scope);
  } catch (error) {
    if (!(error instanceof BootError || error instanceof DiskError || error instanceof CommandError)) throw error;
    context.reasons.push(`${place.label}: ${error.message.split("\n", 1)[0]}`);
    return undefined;
  }
}

/** @returns the volumes. @throws {BootError} "hibernated" when one of them has a hibernated system */
export async function refuseHibernated(
  context: SearchContext,
  physicalVolumes: readonly string[],
): Promise<readonly Place[]> {
  const places = await findVolumePlaces(context, physicalVolumes);
  for (const place of places) {
    await using attempt = new AsyncDisposableStack();
    const path = await openOrNote(context, attempt, place);
    const type = path === undefined ? undefined : (await probeSignature(context.system, path))?.type;
    if (type === "swsuspend") throw new BootError("hibernated", describeHibernation(place.label));
  }
  return places;
}

/** @param refusals of the partitions, each with its name in front */
export function nothingFound({ reasons }: SearchContext, where: string, refusals: readonly string[] = []): BootError {
  const searched = "stiefelsystem.json, loader/entries, EFI/Linux, grub.cfg, extlinux.conf, syslinux.cfg";
  return new BootError("no-boot-entry", `No kernel to start was found ${where}`, {
    hints: [...new Set([...refusals, ...reasons, `Looked for: ${searched}`])],
  });
}
