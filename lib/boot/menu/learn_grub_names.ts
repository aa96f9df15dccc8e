/** Which partitions GRUB's `search` and `set root=` mean, as the menu itself shows. Pure. */

import { findRoot } from "../../formats/kernel_command_line.ts";
import { sameDevice } from "../../formats/mount_tables.ts";
import { GrubDevices, type KnownNames } from "./grub_devices.ts";
import { type FileQuestion, type FoundFile, GrubFiles } from "./grub_files.ts";
import type { GrubInput } from "./grub_input.ts";
import { GrubMachine, type Outcome } from "./grub_machine.ts";
import type { MenuEntry } from "./grub_menu.ts";
import type { GrubPath } from "./grub_paths.ts";
import { pathCandidates } from "./path_candidates.ts";

export interface LearnedNames {
  readonly names: KnownNames;
  readonly open: ReadonlyMap<string, FileQuestion>;
  /** The menu starts several systems, and nothing but its order tells which one is this. */
  readonly isGuess: boolean;
}

/** Entries that are looked at; this system's own are the first ones. */
const maximumTried = 64;
const maximumDepth = 4;

/**
 * Where nothing tells the partitions' UUIDs: an entry that is this system's tells what GRUB calls its partition. It is
 * one whose kernel is there, and none that os-prober has found: the first one with the root that fstab has, else the
 * first one on the device that the menu's head searches for, else the first that grub-mkconfig made, else the first.
 */
export function learnGrubNames(input: GrubInput): LearnedNames {
  const devices = new GrubDevices(input.partitions, new Map(), true);
  const files = new GrubFiles(input.answers);
  const machine = new GrubMachine({ ...input, devices, files });
  const menu = machine.start();
  const atHead = new Set(machine.searches.map(({ found }) => found));
  const kernels: NamedKernel[] = [];
  collectKernels(machine, menu, { kernels, depth: maximumDepth });
  const existing = kernels.filter(({ path }) => hasKernel(input, { devices, files, path }));
  const possible = existing.length > 0 ? existing : kernels;
  const rootSource = findRootSource(input);
  const told = possible.find(({ commandLine }) => hasRoot(commandLine, rootSource)) ??
    possible.find(({ path }) => atHead.has(path.device));
  const ownKernel = (told ?? possible.find(({ isMade }) => isMade) ?? possible[0])?.path;
  const names = new Map<string, string>();
  const partition = ownKernel === undefined
    ? undefined
    : findKernelPartition(input, { devices, files, path: ownKernel });
  if (ownKernel !== undefined && partition !== undefined && !devices.all.includes(ownKernel.device)) {
    names.set(ownKernel.device, partition);
  }
  // What `search` starts from, and its hints, are names of what it finds.
  for (const { found, names: others } of machine.searches) {
    const partitionName = devices.all.includes(found) ? found : names.get(found);
    if (partitionName === undefined) continue;
    for (const name of others) if (!devices.all.includes(name) && !names.has(name)) names.set(name, partitionName);
  }
  const unknown = new Set(possible.map(({ path }) => path.device).filter((device) => !devices.all.includes(device)));
  const [menuPartition] = input.partitions;
  const isKnown = menuPartition?.uuid !== undefined || menuPartition?.label !== undefined;
  return { names, open: files.open, isGuess: !isKnown && told === undefined && unknown.size > 1 };
}

/** A kernel that the menu starts. */
interface NamedKernel {
  readonly path: GrubPath;
  readonly commandLine: string;
  /** By grub-mkconfig's 10_linux, which finds the kernels of the system it runs on. */
  readonly isMade: boolean;
}

/** What fstab has for "/": where /boot is a partition of its own, that of the only system there is. */
function findRootSource({ partitions: [own, ...others] }: GrubInput): string | undefined {
  if (own?.rootSource !== undefined) return own.rootSource;
  const [first, second] = others.flatMap((partition) => partition.rootSource ?? []);
  return second === undefined ? first : undefined;
}

function hasRoot(commandLine: string, rootSource: string | undefined): boolean {
  const root = findRoot(commandLine);
  return root !== undefined && rootSource !== undefined && sameDevice(root, rootSource);
}

interface Collected {
  readonly kernels: NamedKernel[];
  readonly depth: number;
}

function collectKernels(machine: GrubMachine, outcome: Outcome, { kernels, depth }: Collected, id = ""): void {
  if (outcome.kind === "linux") {
    const { kernel: path, commandLine } = outcome;
    kernels.push({ path, commandLine, isMade: id.startsWith("gnulinux-") });
  }
  if (outcome.kind !== "menu" || depth === 0) return;
  for (const entry of outcome.menu.entries.slice(0, maximumTried)) {
    if (kernels.length >= maximumTried) return;
    if (isFoundByOsProber(entry)) continue;
    collectKernels(machine, machine.open(entry, outcome.menu), { kernels, depth: depth - 1 }, entry.id);
  }
}

/** grub-mkconfig's 30_os-prober: `osprober-gnulinux-…`, and titles like "Debian (on /dev/sda3)". */
function isFoundByOsProber({ id, title }: MenuEntry): boolean {
  return id.startsWith("osprober-") || /\(on \/dev\/[^)]+\)$/.test(title);
}

export interface KernelPlace {
  readonly devices: GrubDevices;
  readonly files: GrubFiles;
  readonly path: GrubPath;
}

/**
 * @returns the partition that has the file; when none has, the one it should be on, or the menu's own; undefined when
 *   we do not have it
 */
export function findKernelPartition(input: GrubInput, place: KernelPlace): string | undefined {
  const { devices, path: { device } } = place;
  const possible = devices.resolve(device);
  const [first] = possible;
  return possible.find((partition) => isOn(input, partition, place)) ??
    (devices.isKnown(device) || first === devices.own ? first : undefined);
}

function hasKernel(input: GrubInput, place: KernelPlace): boolean {
  return place.devices.resolve(place.path.device).some((partition) => isOn(input, partition, place));
}

/** Whether a partition has the file, and it is what `accepts` wants. */
export function isOn(
  input: GrubInput,
  partition: string,
  { devices, files, path }: KernelPlace,
  accepts: (file: FoundFile) => boolean = () => true,
): boolean {
  const directory = partition === devices.own ? input.bootDirectory : "/boot";
  return pathCandidates(directory, path.path).some((candidate) => {
    const file = files.look(partition, candidate);
    return file !== undefined && accepts(file);
  });
}
