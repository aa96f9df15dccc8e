/** A laptop that runs its own Debian from its disk, with the project on a second one. */

import { readBytes } from "../../lib/disk/read_bytes.ts";
import { answerPrompts } from "../support/console_prompts.ts";
import { type ConsoleShell, openConsoleShell } from "../support/console_shell.ts";
import { isCleanOnDemoDisk } from "../support/clean_file_system.ts";
import { demoDiskLayout, type DiskFirmware } from "../../lib/qemu/demo_disk_layout.ts";
import { installedDiskPassphrase, installedPart } from "../support/installed_disk.ts";
import { cablePath } from "../../lib/qemu/machine_pair.ts";
import { ownLaptopSpec } from "../support/own_laptop.ts";
import { loaderDirectory } from "../../lib/debian/boot_loaders.ts";
import { makeProjectDisk, mountProject } from "../support/project_disk.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { prepareSecureBoot, prepareUefi } from "../../lib/qemu/uefi_firmware.ts";
import type { System } from "../../lib/system/system.ts";
import { partOf } from "./attached_disk.ts";
import { copyInstalledDisk, copyLinuxDesktopDisk, copyPlainDisk, type LaptopGenerator } from "./laptop_disks.ts";
import type { QemuTest } from "./machines.ts";

/** What a laptop's Debian lies on. */
export interface LaptopKind {
  readonly generator: LaptopGenerator;
  copyDisk(rig: QemuTest): Promise<string>;
  /** What findmnt(8) calls its root in its own system. */
  readonly ownRoot: string;
  /** What it calls it on a desktop, where its disk is `disk`. */
  desktopRoot(disk: string): string;
  readonly passphrase?: string;
  /** Its firmware enforces Secure Boot, and so does that of the desktop. Default: a BIOS. */
  readonly hasSecureBoot?: boolean;
  /** UEFI firmware without Secure Boot. */
  readonly hasUefi?: boolean;
  /** What its kernel says when it mounts the root file system, whatever the machine. */
  readonly mounted: RegExp;
  /**
   * Names of file systems that were not left as unmounted ones, by what lies on the disk while a machine has it; what
   * is encrypted is not seen.
   */
  listUnclean(system: System, diskPath: string): Promise<readonly string[]>;
}

/**
 * The EFI system partition at /boot/efi, and /boot a directory of the root file system: as Debian's package
 * systemd-boot is used.
 */
function startedBySystemdBoot(firmware: DiskFirmware): LaptopKind {
  return {
    generator: "initramfs-tools",
    copyDisk: (rig) => copyPlainDisk(rig, "initramfs-tools", firmware),
    ownRoot: "/dev/vda2",
    desktopRoot: (disk) => partOf(disk, 2),
    hasUefi: true,
    mounted: /EXT4-fs \(\w+2\): mounted filesystem/,
    listUnclean: async (system, diskPath) =>
      await isCleanOnDemoDisk(system, diskPath, demoDiskLayout.root) ? [] : [demoDiskLayout.root.label],
  };
}

export const laptops = {
  plain: {
    generator: "initramfs-tools",
    copyDisk: (rig) => copyPlainDisk(rig, "initramfs-tools"),
    ownRoot: "/dev/vda2",
    desktopRoot: (disk) => partOf(disk, 2),
    hasSecureBoot: true,
    mounted: /EXT4-fs \(\w+2\): mounted filesystem/,
    listUnclean: async (system, diskPath) => {
      const parts = [demoDiskLayout.root, demoDiskLayout.boot];
      const clean = await Promise.all(parts.map((part) => isCleanOnDemoDisk(system, diskPath, part)));
      return parts.filter((_, index) => !clean[index]).map(({ label }) => label);
    },
  },
  /** Of a desktop that becomes the laptop's by the command `client`. */
  linuxDesktop: {
    generator: "initramfs-tools",
    copyDisk: copyLinuxDesktopDisk,
    ownRoot: "/dev/vda2",
    desktopRoot: (disk) => partOf(disk, 2),
    mounted: /EXT4-fs \(\w+2\): mounted filesystem/,
    listUnclean: async (system, diskPath) =>
      await isCleanOnDemoDisk(system, diskPath, demoDiskLayout.root) ? [] : [demoDiskLayout.root.label],
  },
  systemdBoot: startedBySystemdBoot("systemd-boot"),
  unified: startedBySystemdBoot("unified"),
  lvmBtrfs: {
    generator: "dracut",
    copyDisk: (rig) => copyInstalledDisk(rig, "lvm-btrfs"),
    ownRoot: "/dev/mapper/laptop-root[/@]",
    desktopRoot: () => "/dev/mapper/laptop-root[/@]",
    mounted: /BTRFS info \(device dm-\d+[^)]*\): first mount of filesystem/,
    listUnclean: async (system, diskPath) => {
      // pvcreate(8): the first extent of the only volume is a mebibyte from the start. btrfs-dev-docs, on-disk format:
      // the super block, in it its magic and the log tree's address, zero when there is nothing to replay.
      const superBlock = { offset: installedPart.offsetBytes + 1024 * 1024 + 64 * 1024, length: 0x68 };
      const block = await readBytes(system, diskPath, superBlock);
      const isBtrfs = block.getBigUint64(0x40, true) === 0x4d5f53665248425fn;
      return isBtrfs && block.getBigUint64(0x60, true) === 0n ? [] : ["root"];
    },
  },
  luksLvm: {
    generator: "initramfs-tools",
    copyDisk: (rig) => copyInstalledDisk(rig, "luks-lvm"),
    ownRoot: "/dev/mapper/laptop-root",
    desktopRoot: () => "/dev/mapper/laptop-root",
    passphrase: installedDiskPassphrase,
    mounted: /EXT4-fs \(dm-\d+\): mounted filesystem/,
    listUnclean: () => Promise.resolve([]),
  },
} as const satisfies Readonly<Record<string, LaptopKind>>;

/** Those of GRUB, of initramfs-tools' cryptsetup and of our own client agent. */
export const passphrasePrompt =
  /Enter passphrase for [^\n]*: |Please unlock disk \w+: |Passphrase of the encrypted disk /;

export interface OwnLaptop extends AsyncDisposable {
  /** As it runs, or ran last. */
  readonly vm: Vm;
  readonly diskPath: string;
  /**
   * Waits for multi-user of the laptop's own system, of its `boot`th start (1 and up), with the project's disk
   * mounted.
   */
  work(boot: number): Promise<ConsoleShell>;
  /** Starts it once more, when it has switched itself off. */
  switchOn(): Promise<void>;
}

const multiUserLimitMs = 300_000;

/** @param options.limitMs for everything this machine does from when it is switched on */
export async function startOwnLaptop(
  rig: QemuTest,
  kind: LaptopKind,
  { limitMs, memoryMiB = 1024, devices = [] }: {
    readonly limitMs: number;
    readonly memoryMiB?: number;
    /** What is plugged in besides: more words of QEMU's command line. */
    readonly devices?: readonly string[];
  },
): Promise<OwnLaptop> {
  const { system, options } = rig;
  const { runDirectory, image } = options;
  const { host, image: artifacts } = await rig.machines();
  const projectDiskPath = `${runDirectory}/project.img`;
  const diskPath = await kind.copyDisk(rig);
  await makeProjectDisk(system, {
    projectDirectory: options.projectDirectory,
    artifacts: await listFiles(rig, artifacts.kernelPath.replace(/\/[^/]*$/, "")),
    keyPath: image.keyPath ?? `${options.projectDirectory}/aes-key`,
    denoPath: image.deno.path,
    denoDir: image.deno.environment.DENO_DIR ?? `${image.deno.environment.HOME}/.cache/deno`,
  }, projectDiskPath);
  const place = { runDirectory, name: "laptop" };
  const firmware = kind.hasSecureBoot
    ? await prepareSecureBoot(system, place)
    : kind.hasUefi
    ? await prepareUefi(system, place)
    : undefined;
  const own = ownLaptopSpec({ diskPath, projectDiskPath, memoryMiB, ...(firmware ? { firmware } : {}) });
  const spec = { ...own, arguments: [...own.arguments ?? [], ...devices] };
  const start = async (): Promise<{ readonly vm: Vm; readonly typist: AsyncDisposable }> => {
    await system.remove(cablePath(runDirectory));
    const vm = await startVm(system, spec, host, { runDirectory, limitMs });
    return { vm, typist: typePassphrase(system, vm, kind) };
  };
  let running = await start();
  const end = async (): Promise<void> => {
    await running.vm[Symbol.asyncDispose]();
    await running.typist[Symbol.asyncDispose]();
  };
  const isUp = new RegExp(`stiefel-demo: root=${RegExp.escape(kind.ownRoot)} `);
  let from = 0;
  let boots = 0;
  return {
    get vm() {
      return running.vm;
    },
    diskPath,
    work: async (boot) => {
      const { vm } = running;
      for (; boots < boot; boots++) {
        const line = await vm.waitForLine(isUp, { timeoutMs: multiUserLimitMs, from });
        from = vm.lines.indexOf(line) + 1;
      }
      const shell = await openConsoleShell(system, vm, { timeoutMs: 60_000 });
      await shell.mustRun(mountProject, { timeoutMs: 30_000 });
      return shell;
    },
    switchOn: async () => {
      await end();
      running = await start();
      from = 0;
      boots = 0;
    },
    [Symbol.asyncDispose]: async () => {
      await end();
      await system.remove(diskPath);
      await system.remove(projectDiskPath);
    },
  };
}

/** Types the passphrase of the laptop's disk whenever a machine's console asks for it. */
export function typePassphrase(system: System, vm: Vm, { passphrase }: LaptopKind): AsyncDisposable {
  return passphrase === undefined
    ? new AsyncDisposableStack()
    : answerPrompts(system, vm, { prompt: passphrasePrompt, answer: passphrase });
}

/** What create-initrd has made; run directories lie beside it. */
async function listFiles({ system }: QemuTest, directory: string): Promise<readonly string[]> {
  const paths = (await system.readDirectory(directory)).map((name) => `${directory}/${name}`);
  const kinds = await Promise.all(paths.map(async (path) => (await system.lstat(path))?.kind));
  return paths.filter((path, index) => kinds[index] === "file" || path.endsWith(`/${loaderDirectory}`));
}
