/**
 * The EFI system partition of a laptop's disk, made as a file, never mounted: with Debian's signed shim and GRUB, as
 * UEFI firmware with Secure Boot wants them, or with systemd-boot and what it starts.
 */

import type { System } from "../system/system.ts";

/** Signed by Microsoft (shim) and by Debian (GRUB); mokutil says what the firmware's state is. */
export const efiPackages = ["shim-signed", "grub-efi-amd64-signed", "mokutil"] as const;

/** The boot loader, and what makes unified kernel images with its stub. */
export const systemdBootPackages = ["systemd-boot", "systemd-boot-efi", "systemd-ukify"] as const;

/** UEFI specification, 5.3.3: "EFI System Partition". */
export const efiPartition = {
  type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  partitionUuid: "5a1ef1e5-0000-4000-8000-000000000004",
  label: "EFI",
} as const;

/** The serial number of the FAT, which stands for a UUID. */
const volumeId = "5A1EF1E5";

/** As Debian's installer writes it. */
export const efiFstabLine = "UUID=5A1E-F1E5 /boot/efi vfat umask=0077 0 1";

/**
 * The grub.cfg that Debian's signed GRUB reads first: its directory is built in, what it shall read lies on /boot.
 * @param bootUuid of the file system that is mounted at /boot
 */
export function formatEfiGrubConfig(bootUuid: string): string {
  return `search.fs_uuid ${bootUuid} root\nset prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n`;
}

/** From where in Debian's files, or from a text, to where on the partition. */
export type EfiFile = { readonly to: string } & ({ readonly from: string } | { readonly text: string });

/** Firmware that knows nothing of this disk starts it (UEFI specification, 3.5.1.1). */
const firstProgram = "EFI/BOOT/BOOTX64.EFI";

/** shim, which starts the GRUB beside it, which reads what `formatEfiGrubConfig` says. */
export function listSignedGrub(bootUuid: string): readonly EfiFile[] {
  return [
    { from: "usr/lib/shim/shimx64.efi.signed", to: firstProgram },
    { from: "usr/lib/shim/mmx64.efi.signed", to: "EFI/BOOT/mmx64.efi" },
    { from: "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", to: "EFI/BOOT/grubx64.efi" },
    { text: formatEfiGrubConfig(bootUuid), to: "EFI/debian/grub.cfg" },
  ];
}

const systemdBoot: readonly EfiFile[] = [
  { from: "usr/lib/systemd/boot/efi/systemd-bootx64.efi", to: firstProgram },
  { text: "timeout 0\n", to: "loader/loader.conf" },
];

/** systemd-boot with an entry for a kernel and an initramfs beside it (UAPI.1, type #1). */
export function listSystemdBoot(commandLine: string, release: string): readonly EfiFile[] {
  const entry = ["title Debian", "linux /debian/linux", "initrd /debian/initrd.img", `options ${commandLine}`];
  return [
    ...systemdBoot,
    { from: `boot/vmlinuz-${release}`, to: "debian/linux" },
    { from: `boot/initrd.img-${release}`, to: "debian/initrd.img" },
    { text: entry.map((line) => `${line}\n`).join(""), to: "loader/entries/debian.conf" },
  ];
}

/** Where ukify(1) leaves the unified kernel image among Debian's files. */
export const unifiedImagePath = "boot/debian.efi";

/** systemd-boot with a unified kernel image, which it finds by itself (UAPI.1, type #2). */
export const unifiedKernel: readonly EfiFile[] = [...systemdBoot, {
  from: unifiedImagePath,
  to: "EFI/Linux/debian.efi",
}];

export interface MakeEfiPartition {
  /** A directory for what is put together. */
  readonly work: string;
  /** Debian's files, /usr and /boot at least. */
  readonly tree: string;
  readonly files: readonly EfiFile[];
  readonly place: { readonly imagePath: string; readonly offsetBytes: number; readonly sizeBytes: number };
}

/** Writes the partition into the disk image. Needs `mkfs.vfat`, `mmd`, `mcopy`, `truncate`, `dd`. */
export async function makeEfiPartition(
  system: System,
  run: (argv: readonly string[]) => Promise<void>,
  { work, tree, files, place }: MakeEfiPartition,
): Promise<void> {
  const image = `${work}/efi.img`;
  await run(["truncate", "-s", String(place.sizeBytes), image]);
  await run(["mkfs.vfat", "-n", efiPartition.label, "-i", volumeId, image]);
  const directories = new Set(files.flatMap(({ to }) => {
    const names = to.split("/").slice(0, -1);
    return names.map((_, index) => `::${names.slice(0, index + 1).join("/")}`);
  }));
  await run(["mmd", "-i", image, ...directories]);
  for (const file of files) {
    const from = "from" in file ? `${tree}/${file.from}` : `${work}/efi-text`;
    if ("text" in file) await system.writeFile(from, file.text);
    await run(["mcopy", "-i", image, from, `::${file.to}`]);
  }
  const mebibyte = 1024 * 1024;
  await run([
    "dd",
    `if=${image}`,
    `of=${place.imagePath}`,
    "bs=1M",
    `seek=${place.offsetBytes / mebibyte}`,
    "conv=notrunc,sparse",
  ]);
}
