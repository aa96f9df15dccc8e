/** What `demo`, `test-qemu` and `bench` need before a machine can start: programs, the image, the demo disk. */

import { findDebianMirror } from "../../image/mirror.ts";
import { buildDemoDisk, type DemoDisk } from "../../qemu/demo_disk.ts";
import { detectQemuHost } from "../../qemu/run_vm.ts";
import type { QemuHost } from "../../qemu/vm_spec.ts";
import type { System } from "../../system/system.ts";
import { offerPackages } from "../packages.ts";
import type { Ui } from "../ui.ts";
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
  const image = await createInitrd(system, ui, options.image);
  const disk = await prepareDemoDisk(system, ui, options);
  await system.makeDirectory(options.runDirectory);
  return { image, disk, host };
}

export async function ensureMachinePackages(system: System, ui: Ui): Promise<void> {
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
  const progress = ui.progress(variant.title ?? "Demo disk");
  try {
    const disk = await buildDemoDisk(system, {
      suite: demoSuite,
      ...(variant.name === undefined ? {} : { name: variant.name }),
      ...(variant.packages === undefined ? {} : { packages: variant.packages }),
      overlays: ["demo", "host/generic", "host/initramfs-tools"].map((name) =>
        `${options.projectDirectory}/image/${name}`
      ),
      cacheDir: options.cacheDir,
      onStep: (step) => progress.note(step),
      onLine: (line) => {
        const note = /^I: (.{3,60}?)\.*$/.exec(line)?.[1];
        if (note !== undefined) progress.note(note);
      },
      ...(mirror === undefined ? {} : { mirror }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    progress.finish(`Debian ${demoSuite}, kernel ${disk.kernelRelease}`);
    return disk;
  } catch (error) {
    progress.fail();
    throw error;
  }
}

/** A demo disk with more on it. */
export interface DiskVariant {
  readonly title?: string;
  readonly name?: string;
  readonly packages?: readonly string[];
}

/** The mirror this machine's own apt uses; undefined without apt. */
async function readAptMirror(system: System): Promise<string | undefined> {
  const directory = "/etc/apt/sources.list.d";
  const names = await system.readDirectory(directory).catch(() => []);
  const paths = ["/etc/apt/sources.list", ...names.map((name) => `${directory}/${name}`)];
  const texts = await Promise.all(paths.map((path) => system.readText(path).catch(() => "")));
  return findDebianMirror(texts);
}
