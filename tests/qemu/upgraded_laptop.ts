/**
 * A laptop whose own initramfs holds the drivers of the machine it is built on is upgraded while its system runs on a
 * desktop, by apt and the packages' own scripts. Afterwards it starts by itself, desktops start from it as before, and
 * the desktop's firmware has kept nothing of it.
 */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { autologinCredentials, type ConsoleShell, openConsoleShell } from "../support/console_shell.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { packageFilesPath } from "../../lib/qemu/demo_disk_recipe.ts";
import { type BootImage, cablePath, desktopSpec, laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { ownLaptopSpec } from "../support/own_laptop.ts";
import { detectQemuHost, startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { QemuHost, VmSpec } from "../../lib/qemu/vm_spec.ts";
import { partOf, waitForDesktop } from "./attached_disk.ts";
import { startFromStick } from "./boot_stick.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

const short = { timeoutMs: 180_000 } as const;
/** An emulated machine needs a quarter of an hour for it, and on a busy host several times that. */
const build = { timeoutMs: 3600_000 } as const;

export interface Upgrade {
  readonly generator: "initramfs-tools" | "dracut";
  /**
   * Makes it choose drivers by the machine it runs on, as many laptops have it. And fast compression: these machines
   * are emulated.
   */
  readonly settings: string;
  /** Lists what is in an initramfs. */
  readonly list: string;
}

/** A new kernel has a new grub.cfg made; what starts from it is to be seen where the harness listens. */
const grubDefaults = 'GRUB_TIMEOUT=0\\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\\n';

/** Registers the scenario for one initramfs generator. */
export function testUpgradedLaptop(upgrade: Upgrade): void {
  Deno.test({
    name:
      `L1, L2: a laptop with ${upgrade.generator} that is upgraded on a desktop starts by itself, and desktops do as before`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system, options: { runDirectory } } = rig;
      const diskPath = await prepareDisk(upgrade);
      await runOnDesktop(diskPath, async (shell, desktop) => {
        await assertIsSound(shell);
        await shell.mustRun(upgrade.settings, short);
        await shell.mustRun(`printf '${grubDefaults}' >/etc/default/grub`, short);
        const firmware = desktop.spec.firmware;
        assert.ok(firmware !== undefined);
        const before = await system.readFile(firmware.variablesPath);
        assertIsThere(
          await shell.mustRun("ls -d /sys/firmware/efi/efivars; ls -A /sys/firmware/efi/efivars | wc -l", short),
          "0",
        );
        const said = await shell.mustRun(
          `DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall ${packageFilesPath}/*.deb`,
          build,
        );
        assert.ok(said.some((line) => /start the laptop all the same/.test(line)), said.join("\n"));
        assert.ok(
          said.some((line) => /stiefelsystem: Building \/boot\/initramfs-stiefel\.img/.test(line)),
          said.join("\n"),
        );
        // What package scripts and people call; it may fail, and writes nothing.
        await shell.run(
          "efibootmgr --create --disk $(sed -n s/^STIEFEL_DISK=//p /run/stiefelsystem/session.state) --part 3 --label debian --loader '\\EFI\\debian\\shimx64.efi'",
          short,
        );
        await shell.run("grub-install --target=x86_64-efi", { timeoutMs: 900_000 });
        const drivers = await shell.mustRun(
          `${upgrade.list} /boot/initrd.img-* | grep -oE '(nvme|ahci|virtio_blk)\\.ko' | sort -u`,
          build,
        );
        for (const driver of ["ahci.ko", "nvme.ko", "virtio_blk.ko"]) assertIsThere(drivers, driver);
        assert.deepEqual(await system.readFile(firmware.variablesPath), before);
      });
      await startByItself(diskPath);
      await runOnDesktop(diskPath, async (shell, { disk }) => {
        await assertIsSound(shell);
        assert.equal(
          (await shell.run(namedAsOnLaptop(disk), short)).exitCode,
          0,
          "its partitions have the laptop's names",
        );
      });
      await system.remove(diskPath);
      await system.remove(cablePath(runDirectory));
    },
  });
}

function assertIsThere(lines: readonly string[], line: string): void {
  assert.ok(lines.includes(line), lines.join("\n"));
}

/** A name by the model of the disk (its serial number in laptopSpec), which a network disk has not by itself. */
const namedAsOnLaptop = (disk: string): string =>
  `test "$(readlink -f /dev/disk/by-id/virtio-stiefel-demo-part2)" = ${partOf(disk, 2)}`;

/** What `stiefel-attach prepare` has laid into a desktop's system works there, and no unit has failed. */
async function assertIsSound(shell: ConsoleShell): Promise<void> {
  const looks = [
    "systemctl --no-pager --full status stiefel-keep-link",
    "systemctl --no-pager --failed",
    "findmnt --noheadings --output TARGET,SOURCE,FSTYPE /sys/firmware/efi/efivars",
    "findmnt --noheadings --output TARGET,SOURCE /proc/cmdline",
  ];
  const seen = await shell.mustRun(looks.join("; "), short);
  const conditions = [
    "systemctl is-active --quiet stiefel-keep-link",
    'test "$(systemctl show --value --property NRestarts stiefel-keep-link)" = 0',
    'test -z "$(systemctl list-units --failed --plain --no-legend)"',
    "findmnt --noheadings --types tmpfs --options ro /sys/firmware/efi/efivars",
    "! grep -w noresume /proc/cmdline",
  ];
  for (const condition of conditions) {
    assert.equal((await shell.run(condition, short)).exitCode, 0, `${condition}\n${seen.join("\n")}`);
  }
}

/**
 * A laptop's disk with what setup-server installs, and the files of the packages that are going to be installed again.
 */
async function prepareDisk({ generator }: Upgrade): Promise<string> {
  const { system, ui, options } = rig;
  const disk = await prepareDemoDisk(system, ui, options, {
    title: "Laptop disk",
    name: `upgrade-disk-${generator}`,
    generator,
    firmware: "uefi",
    packages: ["efibootmgr", "grub2-common", "grub-efi-amd64-bin"],
    packageFiles: ["linux-image-amd64", "linux-image-$(ls /usr/lib/modules)", "udev", generator],
  });
  await system.makeDirectory(options.runDirectory);
  const path = `${options.runDirectory}/upgraded.img`;
  await copyDemoDisk(system, disk, path);
  return path;
}

/** The image alone: these machines have a disk of their own. */
async function prepareImage(): Promise<{ readonly image: BootImage; readonly host: QemuHost }> {
  const { system, ui, options } = rig;
  return { image: await createInitrd(system, ui, options.image), host: await detectQemuHost(system) };
}

/** The laptop serves its disk, a desktop with Secure Boot starts from it, `work` is done there, and both shut down. */
async function runOnDesktop(
  diskPath: string,
  work: (
    shell: ConsoleShell,
    desktop: { readonly vm: Vm; readonly spec: VmSpec; readonly disk: string },
  ) => Promise<void>,
): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const { image, host } = await prepareImage();
  const start = { runDirectory, limitMs: 5400_000 };
  await system.remove(cablePath(runDirectory));
  const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" } as const;
  await using laptop = await startVm(system, laptopSpec(settings, ["stiefel.on_end=poweroff"]), host, start);
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: 600_000 });
  const spec = await startFromStick(rig, desktopSpec(settings, autologinCredentials));
  await using vm = await startVm(system, spec, host, start);
  const disk = await waitForDesktop(vm, 900_000);
  await work(await openConsoleShell(system, vm, { timeoutMs: 180_000 }), { vm, spec, disk });
  vm.type("systemctl poweroff\n");
  assert.equal((await vm.ended).kind, "shutdown");
  assert.equal((await laptop.ended).kind, "shutdown");
}

/** From its own disk, by its own boot loader, kernel and initramfs. */
async function startByItself(diskPath: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const { host } = await prepareImage();
  await system.remove(cablePath(runDirectory));
  const own = ownLaptopSpec({ diskPath, projectDiskPath: diskPath, memoryMiB: 1024 });
  const spec = { ...own, disks: own.disks.slice(0, 1) };
  await using vm = await startVm(system, spec, host, { runDirectory, limitMs: 1200_000 });
  await vm.waitForLine(/stiefel-demo: root=\/dev\/vda2 /, { timeoutMs: 900_000 });
  const shell = await openConsoleShell(system, vm, { timeoutMs: 180_000 });
  // Nothing of a desktop is left, and nothing of the update is half done.
  await shell.mustRun(
    '! test -e /run/stiefelsystem && ! grep -w noresume /proc/cmdline && test -z "$(dpkg --audit)"',
    short,
  );
  // As setup-server and updates have it done.
  await shell.mustRun("mkdir -p /etc/stiefelsystem && /usr/lib/stiefelsystem/stiefel-laptop remember", short);
  await shell.mustRun(
    "cat /etc/stiefelsystem/laptop; grep -Fx 'LINK=2 disk/by-id/virtio-stiefel-demo-part2' /etc/stiefelsystem/laptop",
    short,
  );
  vm.type("systemctl poweroff\n");
  assert.equal((await vm.ended).kind, "shutdown");
}
