/** What setting up has to know of a host, as plain values. Gathered here, decided on elsewhere. */

import { findRoot } from "../formats/kernel_command_line.ts";
import { defaultGenerator, detectDistribution, type DetectedDistribution } from "../distro/detect_distribution.ts";
import { unlessRefused } from "../file_access.ts";
import { findLoaderCommandLine } from "../boot/preview_boot.ts";
import type { GeneratorId, KernelTarget } from "../initramfs/generator.ts";
import {
  commonPrograms,
  listedTransports,
  transportModules,
  transportPrograms,
  tunnelModules,
  vlanModule,
} from "../initramfs/needs.ts";
import { generators } from "../initramfs/registry.ts";
import { programDirectories, type System } from "../system/system.ts";
import { compareVersions } from "../version_order.ts";
import type { HostPath } from "./host_path.ts";
import type { HostTree } from "./tree.ts";

export interface HostFacts {
  /** Undefined: none that we know. */
  readonly distribution: DetectedDistribution | undefined;
  /** Generators that are installed. */
  readonly installedGenerators: readonly GeneratorId[];
  /** The newest installed kernel with an image. */
  readonly kernel: KernelTarget | undefined;
  /** Only root may look where it is, in /boot or among the modules. */
  readonly isKernelHidden: boolean;
  /** The tree is the running system, and systemd is its init. */
  readonly isLive: boolean;
  readonly hasSystemd: boolean;
  readonly hasNetworkManager: boolean;
  readonly hasNetworkd: boolean;
  /** Of the two, those that run right now. */
  readonly activeUnits: readonly string[];
  /** Of the programs that desktops and the autokexec agent need, those that are not installed. */
  readonly missing: readonly string[];
  /** Of the modules of all transports, of a tunnel and of VLANs, those that {@link kernel} has not. */
  readonly missingModules: readonly string[];
  /** Files in /boot have permission bits of their own (not on FAT). */
  readonly bootHasModes: boolean;
  /** systemd-boot is seen on an EFI system partition, which often only root may look into. */
  readonly hasSystemdBoot: boolean;
  /**
   * A boot loader's configuration has a command line with which the server agent would start this system; undefined:
   * only root may look.
   */
  readonly hasBootLoaderConfig: boolean | undefined;
  /** Kernel command line of the running system; empty for another tree. */
  readonly commandLine: string;
  /** Files that the original Stiefelsystem has installed and that are in the way of ours. */
  readonly originalFiles: readonly HostPath[];
  /** Files that an earlier version of ours has installed and that are not wanted any more. */
  readonly formerFiles: readonly HostPath[];
}

/** Where the EFI system partition is mounted: bootctl(1), "--esp-path", and the installers of Debian and Fedora. */
const espDirectories: readonly HostPath[] = ["/efi", "/boot", "/boot/efi"];

const needs: readonly string[] = [
  ...listedTransports().flatMap((transport) => transportPrograms(transport)),
  ...commonPrograms(),
  "kexec",
];

/** Of modules, by release. /lib is not everywhere a link to /usr/lib (profiles of Gentoo without merged /usr). */
const moduleDirectories: readonly HostPath[] = ["/usr/lib/modules", "/lib/modules"];

/**
 * Where kernel images are in most distributions; for those that are not described in lib/distro. The forms are those
 * of `kernelImages` there.
 */
export const usualKernelImages: readonly HostPath[] = ["/boot/vmlinuz-{release}", "/usr/lib/modules/{release}/vmlinuz"];

/** Of the original's, those that are in the laptop's own initramfs. */
export const originalInitramfsHooks: readonly HostPath[] = ["/etc/initramfs-tools/hooks/ifrename"];

/**
 * What the original's setup-server-os installs under other names than ours; under the same names ours take their
 * place.
 */
const originalFiles: readonly HostPath[] = [
  "/usr/local/bin/stiefel-autokexec",
  "/etc/NetworkManager/conf.d/stiefelsystem.conf",
  ...originalInitramfsHooks,
  "/etc/dracut.conf.d/60-stiefelsystem.conf",
  "/etc/pacman.d/hooks/91-dracut-stiefel-remove.hook",
  "/etc/pacman.d/hooks/92-dracut-stiefel-install.hook",
  "/usr/bin/dracut-stiefel-install.sh",
  "/usr/bin/dracut-stiefel-remove.sh",
];

const formerFiles: readonly HostPath[] = [
  "/etc/initramfs-tools/hooks/stiefelsystem",
  "/etc/initramfs-tools/scripts/init-bottom/stiefelsystem",
  "/etc/initramfs-tools/scripts/init-premount/stiefelsystem",
];

export const networkUnits = { networkManager: "NetworkManager.service", networkd: "systemd-networkd.service" } as const;

/** Modules come as files or built in (modules.dep and modules.builtin of depmod(8)). */
async function findMissingModules(tree: HostTree, release: string): Promise<readonly string[]> {
  const paths = moduleDirectories.flatMap((directory): readonly HostPath[] =>
    ["modules.dep", "modules.builtin"].map((name): HostPath => `${directory}/${release}/${name}`)
  );
  const lists = (await Promise.all(paths.map((path) => tree.readText(path)))).join("\n");
  const modules = listedTransports().flatMap((transport) => transportModules(transport)).map(({ name }) => name);
  return [...modules, ...tunnelModules, vlanModule].filter((name) => !new RegExp(`(^|/)${name}\\.ko`, "m").test(lists));
}

/** Runs `findmnt`, and on the running system `cat` and `systemctl`. */
export async function gatherHostFacts(system: System, tree: HostTree): Promise<HostFacts> {
  const osRelease = await tree.readText("/etc/os-release") ?? await tree.readText("/usr/lib/os-release") ?? "";
  const distribution = detectDistribution(osRelease);
  const anyExists = async (paths: readonly HostPath[]): Promise<boolean> => {
    for (const path of paths) if (await tree.exists(path)) return true;
    return false;
  };
  const hasProgram = (name: string): Promise<boolean> =>
    anyExists(programDirectories.map((directory) => `${directory}/${name}`));
  const missing: string[] = [];
  for (const need of needs) if (!await hasProgram(need)) missing.push(need);
  const present: GeneratorId[] = [];
  for (const { id, programs: paths } of Object.values(generators)) if (await anyExists(paths)) present.push(id);
  const installedGenerators = withoutRemains(present, await tree.readText("/usr/sbin/update-initramfs"));
  const hasSystemd = await anyExists(["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]);
  const isLive = tree.isRunning && await tree.exists("/run/systemd/system");
  const activeUnits: string[] = [];
  for (const unit of isLive ? Object.values(networkUnits) : []) {
    const { exitCode } = await tree.run(["systemctl", "is-active", "--quiet", unit], { acceptExitCodes: [0, 3, 4] });
    if (exitCode === 0) activeUnits.push(unit);
  }
  const kernel = await unlessRefused(findKernel(tree, distribution), "hidden" as const);
  const commandLine = tree.isRunning ? (await system.run(["cat", "/proc/cmdline"])).stdout.trim() : "";
  return {
    distribution,
    installedGenerators,
    kernel: kernel === "hidden" ? undefined : kernel,
    isKernelHidden: kernel === "hidden",
    isLive,
    hasSystemd,
    hasNetworkManager: await hasProgram("NetworkManager"),
    hasNetworkd: await anyExists(["/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"]),
    activeUnits,
    missing,
    missingModules: kernel === undefined || kernel === "hidden" ? [] : await findMissingModules(tree, kernel.release),
    bootHasModes: await hasModes(system, tree, "/boot"),
    hasSystemdBoot: await unlessRefused(
      anyExists(espDirectories.map((directory) => `${directory}/EFI/systemd`)),
      false,
    ),
    hasBootLoaderConfig: await unlessRefused(hasBootLoaderConfig(system, tree, commandLine), undefined),
    // For setup-server, which is root.
    originalFiles: await unlessRefused(filterExisting(tree, originalFiles), []),
    formerFiles: await unlessRefused(filterExisting(tree, formerFiles), []),
    commandLine,
  };
}

/**
 * Without what a change of generators has left behind: Debian's dracut takes the place of initramfs-tools, and
 * initramfs-tools-core with mkinitramfs stays until "apt autoremove". Both have an update-initramfs (dracut since
 * 107), never at the same time.
 * @param updateInitramfs the text of that program; undefined when there is none
 */
export function withoutRemains(
  present: readonly GeneratorId[],
  updateInitramfs: string | undefined,
): readonly GeneratorId[] {
  const isReplaced = present.includes("dracut") && (updateInitramfs?.includes("dracut") ?? true);
  return isReplaced ? present.filter((id) => id !== "initramfs-tools") : present;
}

/**
 * A unified kernel image has one, too; but the image is replaced with each kernel, and may be read by nothing but the
 * firmware: it counts, as /etc/kernel/cmdline does, where no running system's can be written down. And an entry with
 * another root than the running system's is not this system's, whatever it is.
 */
async function hasBootLoaderConfig(system: System, tree: HostTree, running: string): Promise<boolean> {
  const loaderEntry = await findLoaderCommandLine(system, tree.prefix === "" ? "/" : tree.prefix);
  if (loaderEntry === undefined || running === "") return loaderEntry !== undefined;
  return loaderEntry.isInMenu && findRoot(loaderEntry.commandLine) === findRoot(running);
}

async function filterExisting(tree: HostTree, paths: readonly HostPath[]): Promise<readonly HostPath[]> {
  const areThere = await Promise.all(paths.map((path) => tree.exists(path)));
  return paths.filter((_, index) => areThere[index]);
}

/** File systems without permission bits of their own (mount(8)). */
const withoutModes = ["vfat", "msdos", "exfat", "ntfs", "ntfs3"];

async function hasModes(system: System, tree: HostTree, path: HostPath): Promise<boolean> {
  if (!await tree.exists(path)) return true;
  const { stdout } = await system.run([
    "findmnt",
    "--noheadings",
    "--output",
    "FSTYPE",
    "--target",
    await tree.locate(path),
  ], {
    acceptExitCodes: [0, 1],
  });
  return !withoutModes.includes(stdout.trim().split("\n").at(-1) ?? "");
}

async function findKernel(
  tree: HostTree,
  detected: DetectedDistribution | undefined,
): Promise<KernelTarget | undefined> {
  const names = await Promise.all(moduleDirectories.map((directory) => tree.list(directory)));
  const releases = [...new Set(names.flat())].sort(compareVersions).reverse();
  for (const release of releases) {
    // What a removed kernel leaves behind (modules of DKMS) does not count as a kernel.
    const lists = moduleDirectories.map((directory) => `${directory}/${release}/modules.dep`);
    if ((await filterExisting(tree, lists)).length === 0) continue;
    const base = (await tree.readText(`/usr/lib/modules/${release}/pkgbase`))?.trim();
    for (const template of detected?.distribution.kernelImages ?? usualKernelImages) {
      // A kernel that no package has brought has no name but its release.
      if (base === undefined && template.includes("{base}")) continue;
      for (
        const image of await expandStar(tree, template.replace("{release}", release).replace("{base}", base ?? ""))
      ) {
        if (await tree.exists(image)) return { release, image };
      }
    }
  }
  return undefined;
}

/** @param path with one `*` at most, which stands for a whole name */
async function expandStar(tree: HostTree, path: HostPath): Promise<readonly HostPath[]> {
  const [parent = "", rest] = path.split("*");
  if (rest === undefined) return [path];
  return (await tree.list(parent.slice(0, -1))).map((name) => `${parent}${name}${rest}`);
}

/** Words in `modules` of the configuration that name a generator, as the original's configurations do. */
const moduleGenerators: Readonly<Record<string, GeneratorId>> = {
  "system-debian": "initramfs-tools",
  "system-arch": "mkinitcpio",
  "system-arch-dracut": "dracut",
  "system-gentoo": "dracut",
};

/**
 * The generator to set up: what the configuration says if that is installed, else that of a fresh install, else the
 * only one there is.
 * @returns undefined when none is installed
 */
export function chooseGenerator(facts: HostFacts, modules: ReadonlySet<string>): GeneratorId | undefined {
  const wished = [...modules].map((name) => moduleGenerators[name]);
  const usual = facts.distribution === undefined ? undefined : defaultGenerator(facts.distribution);
  return [...wished, usual, ...facts.installedGenerators].find((id) =>
    id !== undefined && facts.installedGenerators.includes(id)
  );
}
