/**
 * The served disk's own kernel and initramfs: found on a plain partition, a logical volume or an encrypted partition, read without
 * changing a byte, and everything given back afterwards, so that the disk is free when it is exported.
 */

import { CommandError } from "../errors.ts";
import { describeHibernation, findDisk, realDevicePath } from "../block/inspect_disk.ts";
import { openLuks } from "../block/luks.ts";
import { activateVolume, listVolumes, type LogicalVolume } from "../block/lvm.ts";
import { needsRecovery } from "../block/journal.ts";
import { isMountable, mountReadOnly } from "../block/mount.ts";
import { probeSignature } from "../block/signature.ts";
import type { System } from "../system/system.ts";
import { readMountedFiles } from "./boot_files.ts";
import { BootError, type BootLoader, type BootLoadSettings } from "./entry.ts";
import { findBootEntry } from "./find_boot_entry.ts";
import { findResumeTarget, isHibernatedInFile } from "./resume.ts";
import { type BootImage, openImage } from "./opened_image.ts";

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

export interface OpenBootOptions {
  readonly passphrase?: string | undefined;
}

/** A boot image together with where it comes from; disposing of it unmounts and locks everything. */
export interface OpenedBoot extends BootImage, AsyncDisposable {
  /** The device with the file system. */
  readonly device: string;
  readonly fileSystem: string;
}

const defaultWorkDirectory = "/run/stiefelsystem";

interface Context {
  readonly system: System;
  readonly settings: BootSettings;
  /** Why a place was not taken, for the message when nothing is found. */
  readonly reasons: string[];
}

/** A device that may hold boot files. */
interface Place {
  readonly label: string;
  /** libblkid's name, where it was found out already. */
  readonly fileSystem?: string;
  /** @returns the device's path; what has to be undone is put into the scope */
  open(scope: AsyncDisposableStack): Promise<string>;
}

type Opened = Omit<OpenedBoot, keyof AsyncDisposable>;

/**
 * @throws {BootError} "no-device", "no-boot-entry", "passphrase-needed", "passphrase-wrong", "unsupported", "no-memory".
 * Runs `lsblk`, `blkid`, `od`, `mount`, `umount`, `readlink`, `lvm`, `cryptsetup`; reads and writes below the work directory.
 */
export async function openBootPartition(
  system: System,
  settings: BootSettings,
  { passphrase }: OpenBootOptions = {},
): Promise<OpenedBoot> {
  const context: Context = { system, settings, reasons: [] };
  await using scope = new AsyncDisposableStack();
  const opened = settings.part === undefined
    ? await searchDisk(context, scope, passphrase)
    : await openConfigured(context, scope, settings.part, passphrase);
  const owned = scope.move();
  return { ...opened, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Whether {@link openBootPartition} will want a passphrase. Looks at the disk, so it takes a moment.
 * @throws {BootError} as openBootPartition does. Runs the same programs.
 */
export async function needsPassphrase(system: System, settings: BootSettings): Promise<boolean> {
  if (settings.part?.type === "luks") return true;
  try {
    await using _opened = await openBootPartition(system, settings);
    return false;
  } catch (error) {
    if (error instanceof BootError && error.code === "passphrase-needed") return true;
    throw error;
  }
}

/** What the configuration names. */
async function openConfigured(
  context: Context,
  scope: AsyncDisposableStack,
  part: BootPartSettings,
  passphrase: string | undefined,
): Promise<Opened> {
  const { system } = context;
  const outer = part.luksBlock ?? part.block;
  if (outer === undefined) {
    throw new BootError("no-device", 'The configuration names no "block" for the boot partition');
  }
  const disk = await findDisk(system, context.settings.disk);
  const partitions = disk.children.map((child) => child.path);
  const device = await openNamed(context, scope, outer, partitions);
  const type = (await probeSignature(system, device))?.type;
  if (type !== "crypto_LUKS") {
    if (part.type === "luks") throw new BootError("unsupported", `"${outer}" is ${type ?? "empty"}, wanted LUKS`);
    return await tryDevice(context, scope, { device }) ?? raise(nothingFound(context, `on "${outer}"`));
  }
  if (passphrase === undefined) throw passphraseNeeded([outer]);
  const { path } = scope.use(await openLuks(system, device, passphrase));
  const inner = part.block === outer ? undefined : part.block;
  if (inner === undefined || await holdsFileSystem(system, path)) {
    return await tryDevice(context, scope, { device: path }) ?? raise(nothingFound(context, `on "${outer}"`));
  }
  await refuseHibernated(context, [path]);
  const volume = await openNamed(context, scope, inner, [path]);
  return await tryDevice(context, scope, { device: volume }) ?? raise(nothingFound(context, `on "${inner}"`));
}

/** @throws {BootError} "hibernated" when one of the volumes has a hibernated system */
async function refuseHibernated(context: Context, physicalVolumes: readonly string[]): Promise<void> {
  for (const place of await findVolumePlaces(context, physicalVolumes)) {
    await using attempt = new AsyncDisposableStack();
    const path = await openOrNote(context, attempt, place);
    const type = path === undefined ? undefined : (await probeSignature(context.system, path))?.type;
    if (type === "swsuspend") throw new BootError("hibernated", describeHibernation(place.label));
  }
}

/** A device that is there, or a logical volume on one of `physicalVolumes` that has to be activated first. */
async function openNamed(
  context: Context,
  scope: AsyncDisposableStack,
  name: string,
  physicalVolumes: readonly string[],
): Promise<string> {
  const { system } = context;
  const found = await realDevicePath(system, name);
  if (found !== undefined) return found;
  // The name may be any link udev makes (/dev/GROUP/NAME, /dev/mapper/…, /dev/disk/by-uuid/…): activate, then look whether it is there.
  for (const place of await findVolumePlaces(context, physicalVolumes)) {
    await using attempt = new AsyncDisposableStack();
    const path = await openOrNote(context, attempt, place);
    const real = path === undefined ? undefined : await realDevicePath(system, name);
    if (path === undefined || real === undefined || real !== await realDevicePath(system, path)) continue;
    scope.use(attempt.move());
    return path;
  }
  throw new BootError(
    "no-device",
    `There is no "${name}" on this machine, named by the configuration as boot partition`,
  );
}

async function openOrNote(context: Context, scope: AsyncDisposableStack, place: Place): Promise<string | undefined> {
  try {
    return await place.open(scope);
  } catch (error) {
    if (!(error instanceof BootError || error instanceof CommandError)) throw error;
    context.reasons.push(`${place.label}: ${error.message.split("\n", 1)[0]}`);
    return undefined;
  }
}

/** All of the disk: plain partitions, then logical volumes, then encrypted partitions. */
async function searchDisk(
  context: Context,
  scope: AsyncDisposableStack,
  passphrase: string | undefined,
): Promise<Opened> {
  const { system } = context;
  const disk = await findDisk(system, context.settings.disk);
  const devices = disk.children.length > 0 ? disk.children.map((child) => child.path) : [disk.path];
  const byType = new Map<string, string[]>();
  const plain: Place[] = [];
  for (const device of devices) {
    const type = (await probeSignature(system, device))?.type ?? "nothing";
    byType.set(type, [...byType.get(type) ?? [], device]);
    if (isMountable(type)) plain.push(atPath(device, type));
  }
  const found = await tryPlaces(context, scope, plain) ??
    await tryPlaces(context, scope, await findVolumePlaces(context, byType.get("LVM2_member") ?? []));
  if (found !== undefined) return found;

  const encrypted = byType.get("crypto_LUKS") ?? [];
  if (encrypted.length === 0) throw nothingFound(context, `on "${disk.path}"`);
  if (passphrase === undefined) throw passphraseNeeded(encrypted);
  return await tryEncrypted(context, scope, { devices: encrypted, passphrase }) ??
    raise(nothingFound(context, `on "${disk.path}"`));
}

/** @throws {BootError} "passphrase-wrong" when it opens none of the devices */
async function tryEncrypted(
  context: Context,
  scope: AsyncDisposableStack,
  { devices, passphrase }: { readonly devices: readonly string[]; readonly passphrase: string },
): Promise<Opened | undefined> {
  const refusals: BootError[] = [];
  for (const device of devices) {
    await using attempt = new AsyncDisposableStack();
    try {
      const { path } = attempt.use(await openLuks(context.system, device, passphrase));
      const type = (await probeSignature(context.system, path))?.type;
      const places = type === "LVM2_member" ? await findVolumePlaces(context, [path]) : [atPath(path)];
      const found = await tryPlaces(context, attempt, places);
      if (found === undefined) continue;
      scope.use(attempt.move());
      return found;
    } catch (error) {
      if (!(error instanceof BootError) || error.code !== "passphrase-wrong") throw error;
      refusals.push(error);
    }
  }
  const [refusal] = refusals;
  if (refusal !== undefined && refusals.length === devices.length) throw refusal;
  return undefined;
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
async function tryPlaces(
  context: Context,
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
async function tryPlace(context: Context, scope: AsyncDisposableStack, place: Place): Promise<Opened | undefined> {
  try {
    return await tryDevice(context, scope, { device: await place.open(scope), fileSystem: place.fileSystem });
  } catch (error) {
    if (!(error instanceof Error) || (error instanceof BootError && error.code === "hibernated")) throw error;
    context.reasons.push(`${place.label}: ${error.message.split("\n", 1)[0]}`);
    return undefined;
  }
}

/** @returns undefined when there is no boot configuration on the device's file system */
async function tryDevice(
  context: Context,
  scope: AsyncDisposableStack,
  known: { readonly device: string; readonly fileSystem?: string | undefined },
): Promise<Opened | undefined> {
  const { system, settings } = context;
  const { device } = known;
  const fileSystem = known.fileSystem ?? (await probeSignature(system, device))?.type ?? "nothing";
  if (fileSystem === "swsuspend") throw new BootError("hibernated", describeHibernation(device));
  if (!isMountable(fileSystem)) {
    context.reasons.push(`${device}: ${fileSystem === "nothing" ? "no file system" : fileSystem}`);
    return undefined;
  }
  // On btrfs the default subvolume is what boot loaders see; the top of the file system holds the others.
  const views = fileSystem === "btrfs" ? [[], ["subvolid=5"]] : [[]];
  for (const options of views) {
    await using attempt = new AsyncDisposableStack();
    const directory = await makeMountPoint(context, attempt);
    attempt.use(await mountReadOnly(system, { device, fileSystem, directory, options }));
    const files = readMountedFiles(system, directory);
    const entry = await findBootEntry(files, { load: settings.load });
    if (entry === undefined) continue;
    const resume = findResumeTarget(entry.commandLine);
    if (resume !== undefined && await isHibernatedInFile(system, resume)) {
      throw new BootError("hibernated", describeHibernation(`${resume.device}, in a swap file`));
    }
    const image = attempt.use(await openImage(files, entry));
    scope.use(attempt.move());
    return { ...image, device, fileSystem };
  }
  // XFS above all keeps what was written last in its journal only, a freshly installed kernel among it.
  if (await needsRecovery(system, device, fileSystem)) {
    context.reasons.push(
      `${device}: was not unmounted cleanly, so its newest files cannot be seen: start and shut down its own system once`,
    );
  }
  return undefined;
}

async function makeMountPoint({ system, settings }: Context, scope: AsyncDisposableStack): Promise<string> {
  const parent = settings.workDirectory ?? defaultWorkDirectory;
  await system.makeDirectory(parent, { mode: 0o700 });
  const directory = await system.makeTempDirectory({ parent, prefix: "boot-" });
  // By rmdir, which cannot remove anything should the partition still be mounted here.
  scope.defer(async () => {
    await system.run(["rmdir", directory], { isCleanup: true, timeoutMs: 10_000 });
  });
  return directory;
}

function atPath(path: string, fileSystem?: string): Place {
  return { label: path, ...(fileSystem === undefined ? {} : { fileSystem }), open: () => Promise.resolve(path) };
}

async function findVolumePlaces(
  { system, reasons }: Context,
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
    open: async (scope) => {
      if (!volume.isPlain) {
        throw new BootError("unsupported", "it is not a plain volume, and activating it would write");
      }
      return scope.use(await activateVolume(system, physicalVolumes, volume)).path;
    },
  }));
}

async function holdsFileSystem(system: System, device: string): Promise<boolean> {
  return isMountable((await probeSignature(system, device))?.type ?? "nothing");
}

function passphraseNeeded(devices: readonly string[]): BootError {
  return new BootError(
    "passphrase-needed",
    `A passphrase is needed for ${devices.map((name) => `"${name}"`).join(", ")}`,
  );
}

function nothingFound({ reasons }: Context, where: string): BootError {
  return new BootError("no-boot-entry", `No kernel to start was found ${where}`, {
    hints: [
      ...new Set(reasons),
      "Looked for: stiefelsystem.json, loader/entries, grub.cfg, extlinux.conf, syslinux.cfg",
    ],
  });
}

function raise(error: Error): never {
  throw error;
}
