/**
 * The EFI system partition of a laptop's disk: Debian's signed shim and GRUB, as UEFI firmware with Secure Boot wants them. Made as a file,
 * never mounted.
 */

import type { System } from "../system/system.ts";

/** Signed by Microsoft (shim) and by Debian (GRUB); mokutil says what the firmware's state is. */
export const efiPackages = ["shim-signed", "grub-efi-amd64-signed", "mokutil"] as const;

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

export interface MakeEfiPartition {
  /** A directory for what is put together. */
  readonly work: string;
  /** Debian's files, /usr at least. */
  readonly tree: string;
  readonly bootUuid: string;
  readonly place: { readonly imagePath: string; readonly offsetBytes: number; readonly sizeBytes: number };
}

/**
 * Writes the partition into the disk image. Firmware that knows nothing of this disk starts `EFI/BOOT/BOOTX64.EFI` (UEFI specification,
 * 3.5.1.1), shim, which starts the GRUB beside it. Needs `mkfs.vfat`, `mmd`, `mcopy`, `truncate`, `dd`.
 */
export async function makeEfiPartition(
  system: System,
  run: (argv: readonly string[]) => Promise<void>,
  { work, tree, bootUuid, place }: MakeEfiPartition,
): Promise<void> {
  const image = `${work}/efi.img`;
  await system.writeFile(`${work}/efi-grub.cfg`, formatEfiGrubConfig(bootUuid));
  await run(["truncate", "-s", String(place.sizeBytes), image]);
  await run(["mkfs.vfat", "-n", efiPartition.label, "-i", volumeId, image]);
  await run(["mmd", "-i", image, "::EFI", "::EFI/BOOT", "::EFI/debian"]);
  const files = [
    [`${tree}/usr/lib/shim/shimx64.efi.signed`, "EFI/BOOT/BOOTX64.EFI"],
    [`${tree}/usr/lib/shim/mmx64.efi.signed`, "EFI/BOOT/mmx64.efi"],
    [`${tree}/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed`, "EFI/BOOT/grubx64.efi"],
    [`${work}/efi-grub.cfg`, "EFI/debian/grub.cfg"],
  ] as const;
  for (const [from, to] of files) await run(["mcopy", "-i", image, from, `::${to}`]);
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
