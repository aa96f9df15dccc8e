/** What is where on the disk of the demo's laptop, and the files that say so. Pure. */

import { efiFstabLine, efiPartition } from "./efi_partition.ts";

/** Where everything is on the disk; fixed, so that a disk can be looked into without reading its table. */
export const demoDiskLayout = {
  sizeBytes: 2304 * 1024 * 1024,
  diskUuid: "5a1ef1e5-0000-4000-8000-000000000000",
  boot: {
    number: 1,
    offsetBytes: 1024 * 1024,
    sizeBytes: 255 * 1024 * 1024,
    partitionUuid: "5a1ef1e5-0000-4000-8000-000000000001",
    fileSystemUuid: "5a1ef1e5-0000-4000-8000-0000000000b1",
    label: "boot",
  },
  root: {
    number: 2,
    offsetBytes: 256 * 1024 * 1024,
    sizeBytes: 1792 * 1024 * 1024,
    partitionUuid: "5a1ef1e5-0000-4000-8000-000000000002",
    fileSystemUuid: "5a1ef1e5-0000-4000-8000-0000000000b2",
    label: "root",
  },
  /** No file system: `bench block` writes here. */
  scratch: {
    number: 3,
    offsetBytes: 2048 * 1024 * 1024,
    sizeBytes: 255 * 1024 * 1024,
    partitionUuid: "5a1ef1e5-0000-4000-8000-000000000003",
    label: "scratch",
  },
} as const;

/** "Linux filesystem data", what Debian's installer uses (UEFI partition types, sfdisk --list-types). */
const linuxPartitionType = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
const sectorBytes = 512;

/**
 * What starts a disk: a BIOS, by the boot code in its first sectors; with "uefi" also UEFI firmware, by signed
 * programs in an EFI system partition; else only UEFI firmware, by systemd-boot there, with an entry of its own or a
 * unified kernel image. /boot is then a directory of the root file system, and the partition for it stays empty.
 */
export type DiskFirmware = "bios" | "uefi" | "systemd-boot" | "unified";

export function hasBootPartition(firmware: DiskFirmware = "bios"): boolean {
  return firmware === "bios" || firmware === "uefi";
}

/** The input of `sfdisk`. With UEFI the EFI system partition takes the place of the scratch partition. */
export function formatPartitionTable(firmware: DiskFirmware = "bios"): string {
  const { boot, root, scratch } = demoDiskLayout;
  const last = firmware !== "bios" ? { ...scratch, ...efiPartition } : { ...scratch, type: linuxPartitionType };
  const parts = [{ ...boot, type: linuxPartitionType }, { ...root, type: linuxPartitionType }, last];
  const rows = parts.map((part) =>
    `start=${part.offsetBytes / sectorBytes}, size=${part.sizeBytes / sectorBytes}, type=${part.type}, ` +
    `uuid=${part.partitionUuid}, name="${part.label}"`
  );
  return ["label: gpt", `label-id: ${demoDiskLayout.diskUuid}`, "unit: sectors", ...rows].join("\n") + "\n";
}

/** The kernel command line of the disk's own boot entry. The serial console is where the harness listens. */
export const demoDiskCommandLine =
  `root=UUID=${demoDiskLayout.root.fileSystemUuid} ro console=tty0 console=ttyS0,115200`;

/** /etc/fstab. */
export function formatFstab(firmware: DiskFirmware = "bios"): string {
  const { root, boot } = demoDiskLayout;
  const lines = [
    `UUID=${root.fileSystemUuid} / ext4 errors=remount-ro 0 1`,
    ...hasBootPartition(firmware) ? [`UUID=${boot.fileSystemUuid} /boot ext4 defaults 0 2`] : [],
    ...firmware === "bios" ? [] : [efiFstabLine],
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * /boot/grub/grub.cfg as grub-mkconfig writes it for a disk with its own /boot partition: the default entry, and a
 * submenu whose recovery entry must not be taken. The generator itself wants to probe mounted devices, of which there
 * are none here.
 */
export function formatGrubConfig(kernelRelease: string): string {
  const { boot, root } = demoDiskLayout;
  const load = (commandLine: string, indent: string): string =>
    [
      "load_video",
      "insmod gzio",
      "insmod part_gpt",
      "insmod ext2",
      `search --no-floppy --fs-uuid --set=root ${boot.fileSystemUuid}`,
      `echo\t'Loading Linux ${kernelRelease} ...'`,
      `linux\t/vmlinuz-${kernelRelease} ${commandLine}`,
      `echo\t'Loading initial ramdisk ...'`,
      `initrd\t/initrd.img-${kernelRelease}`,
    ].map((line) => `${indent}${line}\n`).join("");
  const entry = (title: string, id: string, commandLine: string, indent: string): string =>
    `${indent}menuentry '${title}' --class debian --class gnu-linux --class gnu --class os ` +
    `$menuentry_id_option 'gnulinux-${kernelRelease}-${id}-${root.fileSystemUuid}' {\n` +
    `${load(commandLine, `${indent}\t`)}${indent}}\n`;
  return `set default="0"
set timeout=0
set menuentry_id_option="--id"
function load_video {
  insmod all_video
}
${
    entry("Debian GNU/Linux", "simple", demoDiskCommandLine, "")
  }submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-${root.fileSystemUuid}' {
${entry(`Debian GNU/Linux, with Linux ${kernelRelease}`, "advanced", demoDiskCommandLine, "\t")}${
    entry(
      `Debian GNU/Linux, with Linux ${kernelRelease} (recovery mode)`,
      "recovery",
      demoDiskCommandLine.replace(" ro ", " ro single "),
      "\t",
    )
  }}
`;
}
