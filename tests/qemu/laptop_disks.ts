/**
 * Disks of laptops before setup-server, made once and kept in the cache: plain ones and those on LUKS and LVM or on
 * btrfs.
 */

import { hashText } from "../../lib/hash.ts";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { autologinCredentials, openConsoleShell } from "../support/console_shell.ts";
import { copyDemoDisk, type DemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  formatInstallSteps,
  type InstalledLayout,
  installedLayouts,
  installerPackages,
  type InstallSteps,
} from "../support/installed_disk.ts";
import type { DiskFirmware } from "../../lib/qemu/demo_disk_layout.ts";
import { localSpec } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import type { QemuTest } from "./machines.ts";

export type LaptopGenerator = InstalledLayout["generator"];

const installedDiskMiB = 3072;
const second = 1000;

/**
 * A Debian with NetworkManager and sessions, as laptops have it, and with what it takes to install itself on another
 * disk.
 */
function preparePlainDisk(
  { system, ui, options }: QemuTest,
  generator: LaptopGenerator,
  // Started by either firmware: a BIOS finds its boot code, too.
  firmware: DiskFirmware = generator === "dracut" ? "bios" : "uefi",
): Promise<DemoDisk> {
  const names = { bios: "dracut-laptop-disk", uefi: "laptop-disk" };
  return prepareDemoDisk(system, ui, options, {
    title: "Laptop disk",
    name: firmware === "bios" || firmware === "uefi" ? names[firmware] : `${firmware}-laptop-disk`,
    packages: ["kexec-tools", "network-manager", "libpam-systemd", ...installerPackages[generator]],
    isUntouched: true,
    generator,
    firmware,
  });
}

/** @returns the path of a fresh copy, to be written to */
export async function copyPlainDisk(
  rig: QemuTest,
  generator: LaptopGenerator,
  firmware?: DiskFirmware,
): Promise<string> {
  const { system, options: { runDirectory } } = rig;
  await system.makeDirectory(runDirectory);
  const path = `${runDirectory}/laptop.img`;
  await copyDemoDisk(system, await preparePlainDisk(rig, generator, firmware), path);
  return path;
}

/** A desktop's own Debian, with what `client` needs. @returns the path of a fresh copy, to be written to */
export async function copyLinuxDesktopDisk({ system, ui, options }: QemuTest): Promise<string> {
  const disk = await prepareDemoDisk(system, ui, options, {
    title: "Disk of a desktop's own Debian",
    name: "linux-desktop-disk",
    packages: ["kexec-tools", "libpam-systemd", "network-manager", "wireguard-tools"],
    isUntouched: true,
    generator: "initramfs-tools",
    firmware: "uefi",
  });
  await system.makeDirectory(options.runDirectory);
  const path = `${options.runDirectory}/linux-desktop.img`;
  await copyDemoDisk(system, disk, path);
  return path;
}

/** @returns the path of a fresh copy, to be written to */
export async function copyInstalledDisk(rig: QemuTest, name: InstalledLayout["name"]): Promise<string> {
  const { system, options: { runDirectory } } = rig;
  await system.makeDirectory(runDirectory);
  const cached = await prepareInstalledDisks(rig, name);
  const path = `${runDirectory}/laptop.img`;
  await system.run(["cp", "--sparse=always", "--reflink=auto", cached, path]);
  return path;
}

/** One as well as all: each keeps one processor busy for minutes, so they are installed side by side. */
async function prepareInstalledDisks(rig: QemuTest, name: InstalledLayout["name"]): Promise<string> {
  const installations: Installation[] = [];
  for (const layout of Object.values(installedLayouts)) {
    installations.push(await planInstallation(rig, layout));
  }
  const outcomes = await Promise.allSettled(
    installations.map((installation) => prepareInstalledDisk(rig, installation)),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  const made = installations.find(({ layout }) => layout.name === name);
  if (made === undefined) throw new TypeError(`No layout is named "${name}"`);
  return made.cached;
}

interface Installation {
  readonly layout: InstalledLayout;
  readonly installer: DemoDisk;
  readonly steps: InstallSteps;
  /** Where the disk lies when it is made. */
  readonly cached: string;
}

async function planInstallation(rig: QemuTest, layout: InstalledLayout): Promise<Installation> {
  const installer = await preparePlainDisk(rig, layout.generator);
  const key = installer.imagePath.split("/").at(-2)?.split("-").at(-1);
  const steps = formatInstallSteps(layout, "/dev/vdb");
  const recipe = hashText(JSON.stringify([installedDiskMiB, steps])).slice(0, 16);
  return { layout, installer, steps, cached: `${rig.options.cacheDir}/installed-${layout.name}-${key}-${recipe}.img` };
}

async function prepareInstalledDisk(rig: QemuTest, installation: Installation): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const { layout, cached } = installation;
  if (await system.stat(cached) !== undefined) return;
  const making = `${runDirectory}/installing-${layout.name}.img`;
  await system.remove(making);
  await system.run(["truncate", "-s", `${installedDiskMiB}M`, making]);
  await install(rig, installation, making);
  await removeOlder(rig, layout);
  await system.run(["cp", "--sparse=always", "--reflink=auto", making, `${cached}.new`]);
  await system.rename(`${cached}.new`, cached);
  await system.remove(making);
}

/** Lets the installer's Debian copy itself onto the disk, which is /dev/vdb there. */
async function install(rig: QemuTest, { layout, installer, steps }: Installation, diskPath: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const { host } = await rig.machines();
  const name = `installer-${layout.name}`;
  const installerPath = `${runDirectory}/${name}.img`;
  await copyDemoDisk(system, installer, installerPath);
  try {
    const image = { kernelPath: installer.kernelPath, initrdPath: installer.initrdPath };
    const local = localSpec(
      { image, commandLine: installer.commandLine, diskPath: installerPath, memoryMiB: 1024 },
      autologinCredentials,
    );
    const spec = {
      ...local,
      name,
      disks: [...local.disks, { path: diskPath, format: "raw", serial: "target" } as const],
    };
    await using vm = await startVm(system, spec, host, { runDirectory, limitMs: 2700 * second });
    await vm.waitForLine(/stiefel-demo: root=/, { timeoutMs: 300 * second });
    const shell = await openConsoleShell(system, vm, { timeoutMs: 60 * second });
    await shell.mustRun(steps.makeAndMount, { timeoutMs: 120 * second });
    await shell.mustRun(steps.copy, { timeoutMs: 1200 * second });
    await shell.mustRun(steps.configure, { timeoutMs: 1200 * second });
    await shell.mustRun(steps.finish, { timeoutMs: 60 * second });
    vm.type("systemctl poweroff\n");
    await vm.ended;
  } finally {
    await system.remove(installerPath);
  }
}

async function removeOlder({ system, options }: QemuTest, layout: InstalledLayout): Promise<void> {
  for (const name of await system.readDirectory(options.cacheDir)) {
    if (new RegExp(`^installed-${layout.name}-[0-9a-f]+-`).test(name)) {
      await system.remove(`${options.cacheDir}/${name}`);
    }
  }
}
