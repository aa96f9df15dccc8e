/** What `demo`, `test-qemu` and `bench` need before a machine can start: programs, the image, the demo disk. */

import { listedTransports } from "../../initramfs/needs.ts";
import { formatStiefelsystemJson, stiefelsystemJsonPath } from "../../formats/stiefelsystem_json.ts";
import { readBootstrapStep } from "../../debian/bootstrap_program.ts";
import { debian } from "../../distro/debian.ts";
import { separateInitramfs, separateKernel } from "../../initramfs/generator.ts";
import { generators, hookLayers, ownLayers } from "../../initramfs/registry.ts";
import { buildDemoDisk, type DemoDisk } from "../../qemu/demo_disk.ts";
import type { DemoDiskRecipe } from "../../qemu/demo_disk_recipe.ts";
import type { RunPlace } from "../../qemu/machine_pair.ts";
import { detectQemuHost } from "../../qemu/run_vm.ts";
import type { QemuHost } from "../../qemu/vm_spec.ts";
import type { System } from "../../system/system.ts";
import { lockCache } from "../lock.ts";
import { readAptMirror } from "../../debian/mirror.ts";
import { offerPackages } from "../../debian/offer_packages.ts";
import { type Progress, showStep, type Ui } from "../../ui.ts";
import { createInitrd, type CreateInitrdOptions, type ImageArtifacts } from "./create_initrd.ts";

export interface MachineOptions {
  /** How the image is built. */
  readonly image: CreateInitrdOptions;
  /** The project's own directory, absolute: image/demo and image/host are in it. */
  readonly projectDirectory: string;
  /** Consoles, sockets and the disk of the runs, absolute. */
  readonly runDirectory: string;
  readonly cacheDir: string;
  readonly serverMemoryMiB?: number;
  readonly clientMemoryMiB?: number;
  readonly signal?: AbortSignal;
}

export const defaultMemoryMiB = 768;

/** Debian's release on the demo disk. */
const demoSuite = "trixie";

/** What building the image and the demo disk and running machines takes. */
export const machinePrograms: readonly string[] = [
  "qemu-system-x86_64",
  "mmdebstrap",
  "mkfs.ext4",
  "debugfs",
  "sfdisk",
  "zstd",
  "xz",
  "tar",
  "bsdtar",
  "depmod",
];

export interface Machines {
  readonly image: ImageArtifacts;
  readonly disk: DemoDisk;
  readonly host: QemuHost;
}

/** @throws {UserError} when packages are missing and not installed; {CommandError} when a build step fails */
export async function prepareMachines(system: System, ui: Ui, options: MachineOptions): Promise<Machines> {
  await ensureMachinePackages(system, ui);
  const host = await detectQemuHost(system);
  const image = await createInitrd(system, ui, { ...options.image, startsHere: true });
  const disk = await prepareDemoDisk(system, ui, options);
  await system.makeDirectory(options.runDirectory);
  return { image, disk, host };
}

async function ensureMachinePackages(system: System, ui: Ui): Promise<void> {
  const { stdout: uid } = await system.run(["id", "-u"]);
  // An ordinary user unpacks Debian in a user namespace with subordinate ids (newuidmap(1)).
  const programs = uid.trim() === "0" ? machinePrograms : [...machinePrograms, "newuidmap"];
  await offerPackages(system, ui, programs, { withArchiveKeys: true });
}

export async function prepareDemoDisk(
  system: System,
  ui: Ui,
  options: Pick<MachineOptions, "projectDirectory" | "cacheDir" | "signal">,
  variant: DiskVariant = {},
): Promise<DemoDisk> {
  const mirror = await readAptMirror(system);
  using _lock = await lockCache(system, ui, options.cacheDir);
  const build = (progress: Progress): Promise<DemoDisk> =>
    buildDemoDisk(system, {
      suite: demoSuite,
      ...(variant.name === undefined ? {} : { name: variant.name }),
      ...(variant.packages === undefined ? {} : { packages: variant.packages }),
      ...(variant.packageFiles === undefined ? {} : { packageFiles: variant.packageFiles }),
      ...(variant.generator === undefined ? {} : { generator: variant.generator }),
      ...(variant.firmware === undefined ? {} : { firmware: variant.firmware }),
      ...contentOf(variant, options.projectDirectory),
      cacheDir: options.cacheDir,
      onStep: (step) => progress.note(step),
      onLine: (line) => {
        const note = readBootstrapStep(line);
        if (note !== undefined) progress.note(note);
      },
      ...(mirror === undefined ? {} : { mirror }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  const describe = ({ kernelRelease }: DemoDisk): string => `Debian ${demoSuite}, kernel ${kernelRelease}`;
  return await showStep(ui.progress(variant.title ?? "Demo disk"), build, describe);
}

/** A demo disk with more on it. */
export interface DiskVariant {
  readonly title?: string;
  readonly name?: string;
  readonly packages?: readonly string[];
  readonly packageFiles?: DemoDiskRecipe["packageFiles"];
  /** What setup-server puts onto a laptop, as far as a desktop is concerned, is left out. */
  readonly isUntouched?: boolean;
  /** The package that builds its initramfs. */
  readonly generator?: DemoDiskRecipe["generator"];
  readonly firmware?: DemoDiskRecipe["firmware"];
}

function contentOf(
  { generator = "initramfs-tools", isUntouched = false }: DiskVariant,
  projectDirectory: string,
): Pick<DemoDiskRecipe, "overlays" | "files" | "made"> {
  const image = `${projectDirectory}/image`;
  if (isUntouched) return { overlays: [`${image}/demo`] };
  const layers = [
    "generic",
    ...generators[generator].layers,
    ...ownLayers([generator]),
    ...hookLayers(generator, debian),
  ];
  return {
    overlays: [`${image}/demo`, ...layers.map((name) => `${image}/host/${name}`)],
    files: {
      [stiefelsystemJsonPath]: formatStiefelsystemJson({
        kernel: separateKernel,
        initrd: separateInitramfs,
        transports: listedTransports(),
        canTunnel: true,
      }),
    },
    made: [separateKernel, separateInitramfs],
  };
}

/** Where a run of machines takes place. */
export function placeOf(
  machines: Machines,
  { runDirectory, signal }: Pick<MachineOptions, "runDirectory" | "signal">,
): RunPlace {
  return { host: machines.host, runDirectory, ...(signal === undefined ? {} : { signal }) };
}
