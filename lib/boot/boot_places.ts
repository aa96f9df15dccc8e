/** Places on a disk where boot files may be, looked into one after the other. */

import { describeHibernation, describeUnclean } from "../block/inspect_disk.ts";
import { needsRecovery } from "../block/journal.ts";
import { activateVolume, listVolumes, type LogicalVolume } from "../block/lvm.ts";
import { isMountable, mountReadOnly } from "../block/mount.ts";
import { probeSignature } from "../block/signature.ts";
import { CommandError } from "../errors.ts";
import type { System } from "../system/system.ts";
import { readMountedFiles } from "./boot_files.ts";
import { describeSubvolumes, listSubvolumes } from "./btrfs_subvolumes.ts";
import { type BootEntry, BootError, type BootLoader, type BootLoadSettings } from "./menu/entry.ts";
import { findBootEntry } from "./menu/find_boot_entry.ts";
import { type BootImage, openImage } from "./opened_image.ts";
import { findResumeTarget, isHibernatedInFile } from "./resume.ts";

/** `boot.part` of the configuration. */
export interface BootPartSettings {
  readonly type: "plain" | "luks";
  /** The file system with the boot files. For "luks": the volume inside, absent or the same as `luksBlock` when there is none. */
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
  /** Where nobody could look before (lib/block/inspect_disk.ts): takes what people should know of what is found there. */
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

/** A boot image together with where it comes from; what has to be released is in the scope it was opened with. */
export interface Opened extends BootImage {
  /** The device with the file system. */
  readonly device: string;
  readonly fileSystem: string;
}

/** Most telling first: what our own setup wrote, then what only one boot loader reads, then what may be left over from an earlier one. */
const loadersByRank: readonly BootLoader[] = [
  "configuration",
  "stiefelsystem.json",
  "systemd-boot",
  "grub",
  "extlinux",
];

/** Opens the best of the places. All are looked at, also for a hibernated system on one of them. */
export async function tryPlaces(
  context: SearchContext,
  scope: AsyncDisposableStack,
  places: readonly Place[],
): Promise<Opened | undefined> {
  let best: Opened | undefined;
  await using kept = new KeptScope();
  for (const place of places) {
    await using attempt = new AsyncDisposableStack();
    const found = await tryPlace(context, attempt, place);
    if (found === undefined || (best !== undefined && rankOf(found) >= rankOf(best))) continue;
    best = found;
    await kept.replace(attempt.move());
  }
  scope.use(kept.take());
  return best;
}

function rankOf(opened: Opened): number {
  return loadersByRank.indexOf(opened.entry.loader);
}

/** Holds one scope at a time. */
class KeptScope implements AsyncDisposable {
  #scope = new AsyncDisposableStack();

  async replace(scope: AsyncDisposableStack): Promise<void> {
    const before = this.#scope;
    this.#scope = scope;
    await before.disposeAsync();
  }

  take(): AsyncDisposableStack {
    return this.#scope.move();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.disposeAsync();
  }
}

/** A place that cannot be used is not the end of a search; the reason is kept. */
async function tryPlace(
  context: SearchContext,
  scope: AsyncDisposableStack,
  place: Place,
): Promise<Opened | undefined> {
  try {
    return await tryDevice(context, scope, { device: await place.open(scope), fileSystem: place.fileSystem });
  } catch (error) {
    if (!(error instanceof Error) || (error instanceof BootError && error.code === "hibernated")) throw error;
    context.reasons.push(`${place.label}: ${error.message.split("\n", 1)[0]}`);
    return undefined;
  }
}

/** @returns undefined when there is no boot configuration on the device's file system */
export async function tryDevice(
  context: SearchContext,
  scope: AsyncDisposableStack,
  known: { readonly device: string; readonly fileSystem?: string | undefined },
): Promise<Opened | undefined> {
  const { system, settings } = context;
  const { device } = known;
  const { type: fileSystem = "nothing", uuid, label } = await probeSignature(system, device) ?? {};
  if (fileSystem === "swsuspend") throw new BootError("hibernated", describeHibernation(device));
  if (!isMountable(fileSystem)) {
    context.reasons.push(`${device}: ${fileSystem === "nothing" ? "no file system" : fileSystem}`);
    return undefined;
  }
  if (context.notices !== undefined && await needsRecovery(system, device, fileSystem)) {
    context.notices.push(describeUnclean(device, fileSystem));
  }
  // On btrfs the default subvolume is what boot loaders see; the top of the file system holds the others.
  const views = fileSystem === "btrfs" ? [[], ["subvolid=5"]] : [[]];
  const lookedInto: string[] = [];
  let refused: BootError | undefined;
  for (const options of views) {
    await using attempt = new AsyncDisposableStack();
    const directory = await makeMountPoint(context, attempt);
    attempt.use(await mountReadOnly(system, { device, fileSystem, directory, options }));
    const files = readMountedFiles(system, directory, { device });
    // Those of the default one are its own directories.
    const subvolumes = options.length > 0
      ? await listSubvolumes(system, directory)
      : fileSystem === "btrfs"
      ? []
      : undefined;
    if (subvolumes !== undefined) lookedInto.push(...subvolumes);
    let entry: BootEntry | undefined;
    try {
      entry = await findBootEntry(files, { load: settings.load, partition: { name: device, uuid, label }, subvolumes });
    } catch (error) {
      if (!(error instanceof BootError)) throw error;
      // GRUB names files from the top of the file system, so they may be there only, also when grub.cfg is here.
      refused ??= error;
    }
    if (entry === undefined) continue;
    const resume = findResumeTarget(entry.commandLine);
    if (resume !== undefined && await isHibernatedInFile(system, resume)) {
      throw new BootError("hibernated", describeHibernation(`${resume.device}, in a swap file`));
    }
    const image = attempt.use(await openImage(files, entry));
    scope.use(attempt.move());
    return { ...image, device, fileSystem };
  }
  if (refused !== undefined) throw refused;
  if (fileSystem === "btrfs") context.reasons.push(`${device}: ${describeSubvolumes(lookedInto)}`);
  // XFS above all keeps what was written last in its journal only, a freshly installed kernel among it.
  if (await needsRecovery(system, device, fileSystem)) {
    context.reasons.push(
      `${device}: was not unmounted cleanly, so its newest files cannot be seen: start and shut down its own system once`,
    );
  }
  return undefined;
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
    if (!(error instanceof BootError || error instanceof CommandError)) throw error;
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

export function nothingFound({ reasons }: SearchContext, where: string): BootError {
  return new BootError("no-boot-entry", `No kernel to start was found ${where}`, {
    hints: [
      ...new Set(reasons),
      "Looked for: stiefelsystem.json, loader/entries, grub.cfg, extlinux.conf, syslinux.cfg",
    ],
  });
}
