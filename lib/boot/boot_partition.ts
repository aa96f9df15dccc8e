/**
 * The served disk's own kernel and initramfs: found on a plain partition, a logical volume or an encrypted partition,
 * read without changing a byte, and everything given back afterwards, so that the disk is free when it is exported.
 */

import { DiskError } from "../disk/disk_error.ts";
import { findDisk } from "../disk/inspect_disk.ts";
import { realDevicePath } from "../system/facts.ts";
import { openLuks } from "../disk/luks.ts";
import { isMountable } from "../disk/mount.ts";
import { probeSignature } from "../disk/signature.ts";
import type { System } from "../system/system.ts";
import {
  atPath,
  type BootPartSettings,
  type BootSettings,
  findVolumePlaces,
  lookAtPlace,
  lookAtPlaces,
  nothingFound,
  openOrNote,
  type Place,
  refuseHibernated,
  type SearchContext,
} from "./boot_places.ts";
import { decideSearchStep } from "./decide_disk_search.ts";
import { DiskSearch, type Opened } from "./disk_search.ts";
import { BootError } from "../boot_error.ts";

export type { BootPartSettings, BootSettings } from "./boot_places.ts";

/** A boot image; disposing of it unmounts and locks everything. */
export type OpenedBoot = Opened & AsyncDisposable;

export interface OpenBootOptions {
  readonly passphrase?: string | undefined;
}

/**
 * @throws {BootError} "no-device", "no-boot-entry", "passphrase-needed", "passphrase-wrong", "unsupported",
 *   "no-memory".
 * Runs `lsblk`, `blkid`, `od`, `mount`, `umount`, `lvm`, `cryptsetup`; reads and writes below the work directory.
 */
export async function openBootPartition(
  system: System,
  settings: BootSettings,
  { passphrase }: OpenBootOptions = {},
): Promise<OpenedBoot> {
  const context: SearchContext = { system, settings, reasons: [] };
  await using scope = new AsyncDisposableStack();
  const opening = settings.part === undefined
    ? searchDisk(context, scope, passphrase)
    : openConfigured(context, scope, settings.part, passphrase);
  const opened = await opening.catch((error) => raise(toBootError(error)));
  const owned = scope.move();
  return { ...opened, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What the configuration names. */
async function openConfigured(
  context: SearchContext,
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
    return await openNamedPlace(context, scope, { device, name: outer, partitions });
  }
  if (passphrase === undefined) throw passphraseNeeded([outer]);
  const { path } = scope.use(await openLuks(system, device, passphrase));
  const inner = part.block === outer ? undefined : part.block;
  const innerContext = { ...context, notices: [] };
  if (inner === undefined || await holdsFileSystem(system, path)) {
    const opened = await openNamedPlace(innerContext, scope, { device: path, name: outer, partitions });
    return tellUnlocked(opened, { container: device, places: [], notices: innerContext.notices });
  }
  const places = await refuseHibernated(context, [path]);
  const volume = await openNamed(context, scope, inner, [path]);
  const opened = await openNamedPlace(innerContext, scope, { device: volume, name: inner, partitions });
  return tellUnlocked(opened, { container: device, places, notices: innerContext.notices });
}

interface NamedPlace {
  readonly device: string;
  /** As the configuration has it. */
  readonly name: string;
  /** Paths of the disk's partitions. */
  readonly partitions: readonly string[];
}

/**
 * Boots what is on the named device. Where only the command line is lacking, another partition (the ESP) may have it.
 */
async function openNamedPlace(
  context: SearchContext,
  scope: AsyncDisposableStack,
  { device, name, partitions }: NamedPlace,
): Promise<Opened> {
  const place = await lookAtPlace(context, atPath(device));
  const search = await DiskSearch.survey(context, place === undefined ? [] : [scope.use(place)]);
  const { decision, refusal } = search.decide();
  if (decision !== undefined) return await search.open(scope, decision);
  const nothing = async (): Promise<BootError> => nothingFound(context, `on "${name}"`, await search.listRefusals());
  if (!search.hasStatement) throw refusal ?? await nothing();
  const others: Place[] = [];
  for (const path of partitions) {
    if (path !== device && await holdsFileSystem(context.system, path)) others.push(atPath(path));
  }
  const settings = await DiskSearch.survey(context, await lookAtPlaces({ ...context, notices: [] }, scope, others));
  const whole = search.withSettingsOf(settings);
  const { decision: crossed, refusal: crossedRefusal } = whole.decide();
  if (crossed === undefined) throw crossedRefusal ?? refusal ?? await nothing();
  return await whole.open(scope, crossed);
}

interface LookedInto {
  readonly container: string;
  /** All that is in it. */
  readonly places: readonly Place[];
  readonly notices: readonly string[];
}

/** What was found, with what is known now of the partition it is in. */
function tellUnlocked(found: Opened, { container, places, notices }: LookedInto): Opened {
  return {
    ...found,
    entry: { ...found.entry, notices: [...found.entry.notices, ...notices] },
    ...places.some(({ isClosed }) => isClosed) ? {} : { unlocked: [container] },
  };
}

/** A device that is there, or a logical volume on one of `physicalVolumes` that has to be activated first. */
async function openNamed(
  context: SearchContext,
  scope: AsyncDisposableStack,
  name: string,
  physicalVolumes: readonly string[],
): Promise<string> {
  const { system } = context;
  const device = await realDevicePath(system, name);
  if (device !== undefined) return device;
  // The name may be any link udev makes (/dev/GROUP/NAME, /dev/mapper/…, /dev/disk/by-uuid/…): activate, then look
  // whether it is there.
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

/** All of the disk: plain partitions, then logical volumes, then encrypted partitions. */
async function searchDisk(
  context: SearchContext,
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
  let search = await DiskSearch.survey(context, await lookAtPlaces(context, scope, plain));
  let physicalVolumes = byType.get("LVM2_member") ?? [];
  let encrypted = byType.get("crypto_LUKS") ?? [];
  for (;;) {
    const { hasStatement } = search;
    const hasPassphrase = passphrase !== undefined;
    const step = decideSearchStep({ ...search.decide(), hasStatement, physicalVolumes, encrypted, hasPassphrase });
    switch (step.kind) {
      case "look-into-volumes": {
        const volumes = await lookAtPlaces(context, scope, await findVolumePlaces(context, step.physicalVolumes));
        if (volumes.length > 0) search = await DiskSearch.survey(context, [...search.places, ...volumes]);
        physicalVolumes = [];
        continue;
      }
      case "open": {
        const opened = await search.open(scope, step.decision);
        return step.unseen.length === 0 ? opened : tellUnseen(opened, step.unseen);
      }
      case "refuse":
        throw step.refusal;
      case "ask-for-passphrase":
        throw passphraseNeeded(step.devices);
      case "unlock": {
        const opened = await tryEncrypted(search, scope, { devices: step.devices, passphrase: passphrase ?? "" });
        if (opened !== undefined) return opened;
        encrypted = [];
        continue;
      }
      case "give-up":
        throw nothingFound(context, `on "${disk.path}"`, await search.listRefusals());
    }
  }
}

/** setup-server may have written its file into a volume that this search has not opened. */
function tellUnseen(found: Opened, encrypted: readonly string[]): Opened {
  const devices = encrypted.map((name) => `"${name}"`).join(", ");
  const notice =
    `No stiefelsystem.json was found outside ${devices} (encrypted): this is how the laptop starts by itself; ` +
    "if it was set up for desktops, name the boot partition in boot.part";
  return { ...found, entry: { ...found.entry, notices: [...found.entry.notices, notice] } };
}

interface Encrypted {
  readonly devices: readonly string[];
  readonly passphrase: string;
}

/** @throws {DiskError} "passphrase-wrong" when it opens none of the devices */
async function tryEncrypted(
  search: DiskSearch,
  scope: AsyncDisposableStack,
  { devices, passphrase }: Encrypted,
): Promise<Opened | undefined> {
  const { context } = search;
  const refusals: DiskError[] = [];
  for (const device of devices) {
    await using attempt = new AsyncDisposableStack();
    try {
      const { path } = attempt.use(await openLuks(context.system, device, passphrase));
      const type = (await probeSignature(context.system, path))?.type;
      const places = type === "LVM2_member" ? await findVolumePlaces(context, [path]) : [atPath(path)];
      const innerContext = { ...context, notices: [] };
      const opened = await lookAtPlaces(innerContext, attempt, places);
      const whole = await DiskSearch.survey(context, [...search.places, ...opened]);
      const { decision, refusal } = whole.decide();
      if (decision === undefined) {
        if (refusal !== undefined) context.reasons.push(`${device}, unlocked: ${refusal.message}`);
        continue;
      }
      const boot = await whole.open(attempt, decision);
      scope.use(attempt.move());
      return tellUnlocked(boot, { container: device, places, notices: innerContext.notices });
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== "passphrase-wrong") throw error;
      refusals.push(error);
    }
  }
  const [refusal] = refusals;
  if (refusal !== undefined && refusals.length === devices.length) throw refusal;
  return undefined;
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

/** What lib/disk refuses is a reason not to start from it. */
function toBootError(error: unknown): unknown {
  if (!(error instanceof DiskError)) return error;
  const { code, message, hints, cause } = error;
  return new BootError(code, message, { hints, cause });
}

function raise(error: unknown): never {
  throw error;
}
