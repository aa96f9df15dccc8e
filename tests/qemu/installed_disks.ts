/** Disks on LUKS and LVM, and on btrfs: installed by a machine once, kept in the cache. */

import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { autologinCredentials, type ConsoleShell, openConsoleShell } from "../../lib/qemu/console_shell.ts";
import { copyDemoDisk, type DemoDisk } from "../../lib/qemu/demo_disk.ts";
import {
  formatInstallSteps,
  installedDiskPassphrase,
  type InstalledLayout,
  installerPackages,
} from "../../lib/qemu/installed_disk.ts";
import { demoMarkerPath, localSpec } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import type { QemuTest } from "./machines.ts";

const installedDiskMiB = 2048;
const second = 1000;

/** The Debian that installs, set up as a laptop is: what it copies is itself. */
function prepareInstaller({ system, ui, options }: QemuTest): Promise<DemoDisk> {
  return prepareDemoDisk(system, ui, options, {
    title: "Installer's disk",
    name: "installer-disk",
    packages: installerPackages,
  });
}

/** Gives work to the installer, with `diskPath` as /dev/vdb. */
async function withInstaller<T>(
  rig: QemuTest,
  diskPath: string,
  work: (shell: ConsoleShell) => Promise<T>,
): Promise<T> {
  const { system, options: { runDirectory } } = rig;
  const { host } = await rig.machines();
  const installer = await prepareInstaller(rig);
  const installerPath = `${runDirectory}/installer.img`;
  await copyDemoDisk(system, installer, installerPath);
  try {
    const image = { kernelPath: installer.kernelPath, initrdPath: installer.initrdPath };
    const local = localSpec(
      { image, commandLine: installer.commandLine, diskPath: installerPath, memoryMiB: 1024 },
      autologinCredentials,
    );
    const spec = {
      ...local,
      name: "installer",
      disks: [...local.disks, { path: diskPath, format: "raw", serial: "target" } as const],
    };
    await using vm = await startVm(system, spec, host, { runDirectory, limitMs: 1200 * second });
    await vm.waitForLine(/stiefel-demo: root=/, { timeoutMs: 300 * second });
    const result = await work(await openConsoleShell(system, vm, { timeoutMs: 60 * second }));
    vm.type("systemctl poweroff\n");
    await vm.ended;
    return result;
  } finally {
    await system.remove(installerPath);
  }
}

/** @returns the path of a fresh copy, to be written to */
export async function copyInstalledDisk(rig: QemuTest, layout: InstalledLayout): Promise<string> {
  const { system, options } = rig;
  const installer = await prepareInstaller(rig);
  const key = installer.imagePath.split("/").at(-2)?.replace("installer-disk-", "");
  const steps = formatInstallSteps(layout, "/dev/vdb");
  const recipe = await sha256Hex(JSON.stringify(steps));
  const cached = `${options.cacheDir}/installed-${layout.name}-${key}-${recipe}.img`;
  await system.makeDirectory(options.runDirectory);
  if (await system.stat(cached) === undefined) {
    const making = `${options.runDirectory}/installing.img`;
    await system.remove(making);
    await system.run(["truncate", "-s", `${installedDiskMiB}M`, making]);
    await withInstaller(rig, making, async (shell) => {
      await shell.mustRun(steps.makeAndMount, { timeoutMs: 120 * second });
      await shell.mustRun(steps.copy, { timeoutMs: 420 * second });
      await shell.mustRun(steps.configure, { timeoutMs: 480 * second });
      await shell.mustRun(steps.finish, { timeoutMs: 60 * second });
    });
    await removeOlder(rig, layout);
    await system.run(["cp", "--sparse=always", "--reflink=auto", making, `${cached}.new`]);
    await system.rename(`${cached}.new`, cached);
    await system.remove(making);
  }
  const path = `${options.runDirectory}/${layout.name}.img`;
  await system.run(["cp", "--sparse=always", "--reflink=auto", cached, path]);
  return path;
}

async function removeOlder({ system, options }: QemuTest, layout: InstalledLayout): Promise<void> {
  for (const name of await system.readDirectory(options.cacheDir)) {
    if (name.startsWith(`installed-${layout.name}-`)) await system.remove(`${options.cacheDir}/${name}`);
  }
}

async function sha256Hex(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(hash.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Opens a disk that no machine uses any more, and reads what a demo boot has left there. */
export function readInstalledMarker(
  rig: QemuTest,
  layout: InstalledLayout,
  diskPath: string,
): Promise<string | undefined> {
  const open = layout.crypttab === undefined
    ? "mount -o ro,subvol=@ /dev/vdb1 /mnt"
    : `printf %s ${installedDiskPassphrase} | cryptsetup open --readonly --key-file - /dev/vdb1 laptop_crypt && ` +
      "vgchange --quiet -ay laptop && mount -o ro,noload /dev/mapper/laptop-root /mnt";
  return withInstaller(rig, diskPath, async (shell) => {
    const lines = await shell.mustRun(`${open} && cat /mnt${demoMarkerPath}`, { timeoutMs: 120 * second });
    return lines.find((line) => line.startsWith("token="));
  });
}
