/** Systems as they are installed, reduced to the files that setting up looks at; for golden plans. */

import { type CommandScript, createMemorySystem, type MemorySystem } from "./memory_system.ts";
import type { GeneratorId } from "../../lib/initramfs/generator.ts";
import { commonPrograms } from "../../lib/initramfs/needs.ts";
import { projectRoot } from "./source_tree.ts";

export interface InstalledSystem {
  /** Name of the golden plan. */
  readonly name: string;
  /** File in tests/fixtures/os-release. */
  readonly osRelease: string;
  readonly generator: GeneratorId;
  /** Present files; their content matters only where it is given. */
  readonly files: readonly (string | readonly [path: string, content: string])[];
  /** Type of the file system of /boot. */
  readonly bootFileSystem: string;
  readonly activeUnits: readonly string[];
  readonly commandLine: string;
}

const systemd = ["/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-networkd", "/run/systemd/system/x"];
const tools = ["nbd-client", ...commonPrograms(), "kexec"].map((name) => `/usr/sbin/${name}`);
const networkManager = ["/usr/sbin/NetworkManager"];
const grubLine = "BOOT_IMAGE=/vmlinuz root=UUID=8f1e2c44-7a55-4d3b-9d42-0c2f5a1f1c10 ro quiet";
const grubRoot = "root=UUID=8f1e2c44-7a55-4d3b-9d42-0c2f5a1f1c10";

/** A grub.cfg with one entry. */
function grub(kernel: string, root = grubRoot): readonly [path: string, content: string] {
  return ["/boot/grub/grub.cfg", `menuentry Linux { linux /boot/${kernel} ${root} ro quiet }\n`];
}

/** An entry of the Boot Loader Specification, below the partition's mount point. */
function bls(path: string, kernel: string, options: string): readonly [path: string, content: string] {
  return [path, `linux /${kernel}\noptions ${options}\n`];
}

const debianKernel = [
  "/boot/vmlinuz-6.12.30-amd64",
  "/usr/lib/modules/6.12.30-amd64/modules.dep",
  grub("vmlinuz-6.12.30-amd64"),
];
const ubuntuKernel = [
  "/boot/vmlinuz-6.8.0-45-generic",
  "/usr/lib/modules/6.8.0-45-generic/modules.dep",
  grub("vmlinuz-6.8.0-45-generic"),
];
const fedoraRelease = "6.14.6-300.fc42.x86_64";

export const installedSystems: readonly InstalledSystem[] = [
  {
    name: "debian-13-initramfs-tools",
    osRelease: "debian-13",
    generator: "initramfs-tools",
    files: [...systemd, ...tools, ...debianKernel, ...networkManager, "/usr/sbin/mkinitramfs"],
    bootFileSystem: "ext4",
    activeUnits: ["NetworkManager.service"],
    commandLine: grubLine,
  },
  {
    // The original Stiefelsystem was installed here.
    name: "debian-12-after-the-original",
    osRelease: "debian-12",
    generator: "initramfs-tools",
    files: [
      ...[...systemd, ...tools, ...networkManager, "/usr/sbin/mkinitramfs", grub("vmlinuz-6.1.0-37-amd64")],
      ...["/boot/vmlinuz-6.1.0-37-amd64", "/usr/lib/modules/6.1.0-37-amd64/modules.dep"],
      ...["/usr/local/bin/stiefel-autokexec", "/etc/systemd/system/stiefel-autokexec.service"],
      ...["/etc/NetworkManager/conf.d/stiefelsystem.conf", "/etc/initramfs-tools/hooks/ifrename"],
    ],
    bootFileSystem: "ext4",
    activeUnits: ["NetworkManager.service"],
    commandLine: grubLine,
  },
  {
    name: "debian-13-dracut",
    osRelease: "debian-13",
    generator: "dracut",
    // dracut from backports brings an update-initramfs of its own.
    files: [...systemd, ...tools, ...debianKernel, "/usr/bin/dracut", "/usr/sbin/update-initramfs"],
    bootFileSystem: "ext4",
    activeUnits: ["systemd-networkd.service"],
    commandLine: grubLine,
  },
  {
    name: "ubuntu-24.04-initramfs-tools",
    osRelease: "ubuntu-24.04",
    generator: "initramfs-tools",
    files: [...systemd, ...tools, ...ubuntuKernel, ...networkManager, "/usr/sbin/mkinitramfs"],
    bootFileSystem: "ext4",
    activeUnits: ["NetworkManager.service"],
    commandLine: grubLine,
  },
  {
    name: "ubuntu-25.10-dracut",
    osRelease: "ubuntu-25.10",
    generator: "dracut",
    files: [
      ...[...systemd, ...tools, ...networkManager, grub("vmlinuz-6.17.0-5-generic")],
      // Its update-initramfs is dracut's.
      ...[
        "/usr/bin/dracut",
        "/usr/sbin/update-initramfs",
        "/boot/vmlinuz-6.17.0-5-generic",
        "/usr/lib/modules/6.17.0-5-generic/modules.dep",
      ],
    ],
    bootFileSystem: "ext4",
    activeUnits: ["NetworkManager.service"],
    commandLine: grubLine,
  },
  {
    name: "fedora-42-dracut",
    osRelease: "fedora-42",
    generator: "dracut",
    files: [
      ...[...systemd, ...tools, ...networkManager, "/usr/bin/dracut"],
      bls("/boot/loader/entries/1.conf", `vmlinuz-${fedoraRelease}`, "root=UUID=0b1c ro rootflags=subvol=root"),
      ...[`/boot/vmlinuz-${fedoraRelease}`, `/usr/lib/modules/${fedoraRelease}/vmlinuz`],
      `/usr/lib/modules/${fedoraRelease}/modules.dep`,
    ],
    bootFileSystem: "ext4",
    activeUnits: ["NetworkManager.service"],
    commandLine: "BOOT_IMAGE=(hd0,gpt2)/vmlinuz root=UUID=0b1c ro rootflags=subvol=root rhgb quiet",
  },
  {
    // /boot is the EFI system partition, systemd-boot.
    name: "arch-mkinitcpio",
    osRelease: "arch",
    generator: "mkinitcpio",
    files: [
      ...[...systemd, ...tools, "/usr/bin/mkinitcpio", "/boot/vmlinuz-linux-lts"],
      bls("/boot/loader/entries/arch.conf", "vmlinuz-linux-lts", "root=PARTUUID=1c3d rw"),
      ...["/usr/lib/modules/6.12.28-1-lts/modules.dep", "/boot/vmlinuz-linux"],
      ["/usr/lib/modules/6.12.28-1-lts/pkgbase", "linux-lts\n"],
      // Left of a kernel that was removed.
      "/usr/lib/modules/6.19.2-zen1-1-zen/updates/dkms/r8152.ko.zst",
    ],
    bootFileSystem: "vfat",
    activeUnits: ["systemd-networkd.service"],
    commandLine: "initrd=\\initramfs-linux-lts.img root=PARTUUID=1c3d rw",
  },
  {
    // Started by the firmware itself: no boot loader configuration to read the command line from.
    name: "arch-dracut-efistub",
    osRelease: "arch",
    generator: "dracut",
    files: [
      ...[...systemd, ...tools, ...networkManager, "/usr/bin/dracut", "/boot/vmlinuz-linux"],
      "/usr/lib/modules/6.14.6-arch1-1/modules.dep",
      ["/usr/lib/modules/6.14.6-arch1-1/pkgbase", "linux\n"],
    ],
    bootFileSystem: "vfat",
    activeUnits: ["NetworkManager.service"],
    commandLine: "initrd=\\initramfs-linux.img root=UUID=77aa rw resume=UUID=88bb",
  },
  {
    name: "gentoo-dracut",
    osRelease: "gentoo",
    generator: "dracut",
    files: [
      ...[...systemd, ...tools, "/usr/bin/dracut", grub("kernel-6.12.21-gentoo-dist", "root=/dev/nvme0n1p3")],
      ...["/boot/kernel-6.12.21-gentoo-dist", "/usr/lib/modules/6.12.21-gentoo-dist/modules.dep"],
    ],
    bootFileSystem: "ext4",
    activeUnits: [],
    commandLine: "BOOT_IMAGE=/kernel root=/dev/nvme0n1p3",
  },
  {
    // A kernel that was compiled by hand; installkernel with USE="systemd systemd-boot".
    name: "gentoo-systemd-boot-dracut",
    osRelease: "gentoo",
    generator: "dracut",
    files: [
      ...[...systemd, ...tools, "/usr/bin/dracut"],
      bls("/efi/loader/entries/0badcafe-6.12.21-gentoo.conf", "0badcafe/6.12.21-gentoo/linux", "root=UUID=77aa rw"),
      ...[
        "/efi/EFI/BOOT/BOOTX64.EFI",
        "/efi/EFI/systemd/systemd-bootx64.efi",
        "/efi/0badcafe/6.12.21-gentoo/linux",
        "/usr/lib/modules/6.12.21-gentoo/modules.dep",
      ],
    ],
    bootFileSystem: "ext4",
    activeUnits: ["systemd-networkd.service"],
    commandLine: "root=UUID=77aa rw",
  },
  {
    // Without systemd there is no service to listen; the disk can still be used from a desktop. A profile without
    // merged /usr.
    name: "gentoo-openrc-dracut",
    osRelease: "gentoo",
    generator: "dracut",
    files: [
      ...[...tools, "/usr/bin/dracut", grub("vmlinuz-6.12.21-gentoo", "root=/dev/sda3")],
      ...["/boot/vmlinuz-6.12.21-gentoo", "/lib/modules/6.12.21-gentoo/modules.dep"],
    ],
    bootFileSystem: "ext4",
    activeUnits: [],
    commandLine: "BOOT_IMAGE=/vmlinuz root=/dev/sda3",
  },
];

/** @param more files and programs besides those that a plan looks at */
export async function createInstalledSystem(
  installed: InstalledSystem,
  more: {
    readonly files?: Readonly<Record<string, string | Uint8Array>>;
    readonly commands?: readonly CommandScript[];
  } = {},
): Promise<MemorySystem> {
  const osRelease = await Deno.readTextFile(`${projectRoot}tests/fixtures/os-release/${installed.osRelease}`);
  const files = installed.files.map((file) => typeof file === "string" ? [file, ""] : file);
  return createMemorySystem({
    files: { "/etc/os-release": osRelease, ...Object.fromEntries(files), ...more.files },
    commands: [...more.commands ?? [], (argv) => {
      if (argv[0] === "findmnt") return `${installed.bootFileSystem}\n`;
      if (argv.join(" ") === "cat /proc/cmdline") return `${installed.commandLine}\n`;
      if (argv[0] === "systemctl" && argv[1] === "is-active") {
        return installed.activeUnits.includes(argv.at(-1) ?? "") ? 0 : 3;
      }
      return undefined;
    }],
  });
}
