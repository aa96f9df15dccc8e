/** Which partitions GRUB's `search` and `set root=` mean, as the menu itself shows. Pure. */

import { GrubDevices, type KnownNames } from "./grub_devices.ts";
import { type FileQuestion, GrubFiles } from "./grub_files.ts";
import type { GrubInput } from "./grub_input.ts";
import { GrubMachine, type Outcome } from "./grub_machine.ts";
import type { MenuEntry } from "./grub_menu.ts";
import type { GrubPath } from "./grub_paths.ts";
import { pathCandidates } from "./path_candidates.ts";

export interface LearnedNames {
  readonly names: KnownNames;
  readonly open: ReadonlyMap<string, FileQuestion>;
}

/** Entries that are looked at; this system's own are the first ones. */
const maximumTried = 64;
const maximumDepth = 4;

/**
 * Where nothing tells the partitions' UUIDs: the first entry that is this system's tells what GRUB calls its
 * partition. It is one whose kernel is there, on the device that the menu's head searches for where there is such a
 * one, and none that os-prober has found.
 */
export function learnGrubNames(input: GrubInput): LearnedNames {
  const devices = new GrubDevices(input.partitions, new Map(), true);
  const files = new GrubFiles(input.answers);
  const machine = new GrubMachine({ ...input, devices, files });
  const menu = machine.start();
  const atHead = new Set(machine.searches.map(({ found }) => found));
  const kernels: GrubPath[] = [];
  collectKernels(machine, menu, { kernels, depth: maximumDepth });
  const existing = kernels.filter((path) => hasKernel(input, { devices, files, path }));
  const possible = existing.length > 0 ? existing : kernels;
  const ownKernel = possible.find(({ device }) => atHead.has(device)) ?? possible[0];
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
  return { names, open: files.open };
}

interface Collected {
  readonly kernels: GrubPath[];
  readonly depth: number;
}

function collectKernels(machine: GrubMachine, outcome: Outcome, { kernels, depth }: Collected): void {
  if (outcome.kind === "linux") kernels.push(outcome.kernel);
  if (outcome.kind !== "menu" || depth === 0) return;
  for (const entry of outcome.menu.entries.slice(0, maximumTried)) {
    if (kernels.length >= maximumTried) return;
    if (!isFoundByOsProber(entry)) {
      collectKernels(machine, machine.open(entry, outcome.menu), { kernels, depth: depth - 1 });
    }
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

/** @returns the partition that has the file; one that may have it, when none has; undefined when we do not have it */
export function findKernelPartition(input: GrubInput, place: KernelPlace): string | undefined {
  const possible = place.devices.resolve(place.path.device);
  return possible.find((partition) => isOn(input, partition, place)) ?? possible[0];
}

function hasKernel(input: GrubInput, place: KernelPlace): boolean {
  return place.devices.resolve(place.path.device).some((partition) => isOn(input, partition, place));
}

function isOn(input: GrubInput, partition: string, { devices, files, path }: KernelPlace): boolean {
  const directory = partition === devices.own ? input.bootDirectory : "/boot";
  return pathCandidates(directory, path.path).some((candidate) => files.look(partition, candidate) !== undefined);
}
