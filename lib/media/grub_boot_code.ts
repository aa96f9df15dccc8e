/**
 * Where GRUB's own code goes on a disk image that a BIOS starts: what grub-install(8) does, without a mounted disk.
 * Pure.
 *
 * Places and offsets: GRUB 2.12, include/grub/i386/pc/boot.h and grub-core/boot/i386/pc/{boot,diskboot}.S.
 */

const sectorBytes = 512;

/** Behind the partition table and its entries (UEFI specification, 5.3), before the first partition at 1 MiB. */
export const coreSector = 34;
const maximumCoreBytes = 1024 * 1024 - coreSector * sectorBytes;

export interface CorePlace {
  /** Where the core image starts, in sectors of 512 bytes. */
  readonly sector: number;
  readonly maximumBytes: number;
}

/** What of the first sector is code; the rest is the protective partition table. */
export const bootCodeBytes = 440;
/** GRUB_BOOT_MACHINE_KERNEL_SECTOR: where the boot sector looks for the core image, 64 bits. */
const kernelSectorOffset = 0x5c;
/** GRUB_BOOT_MACHINE_LIST_SIZE bytes before the end of the core's first sector: where its rest is, 64 bits. */
const restSectorOffset = sectorBytes - 12;

export interface BootCode {
  /** For the very start of the disk. */
  readonly bootSector: Uint8Array<ArrayBuffer>;
  /** For the sector it was asked for. */
  readonly core: Uint8Array<ArrayBuffer>;
}

/**
 * @param bootImage GRUB's boot.img
 * @param coreImage what grub-mkimage(1) made for i386-pc
 * @param place default: behind the partition table
 * @throws {RangeError} when one of them is no such image, or does not fit there
 */
export function placeBootCode(
  bootImage: Uint8Array,
  coreImage: Uint8Array,
  { sector, maximumBytes }: CorePlace = { sector: coreSector, maximumBytes: maximumCoreBytes },
): BootCode {
  if (bootImage.length !== sectorBytes) throw new RangeError(`GRUB's boot.img has ${bootImage.length} bytes, not 512`);
  if (coreImage.length <= sectorBytes || coreImage.length > maximumBytes) {
    throw new RangeError(`GRUB's core image has ${coreImage.length} bytes, at most ${maximumBytes} fit`);
  }
  const bootSector = Uint8Array.from(bootImage.subarray(0, bootCodeBytes));
  const core = Uint8Array.from(coreImage);
  new DataView(bootSector.buffer).setBigUint64(kernelSectorOffset, BigInt(sector), true);
  new DataView(core.buffer).setBigUint64(restSectorOffset, BigInt(sector + 1), true);
  return { bootSector, core };
}

/** Where a boot sector of ours looks for the core image, in sectors of 512 bytes. */
export function readCoreSector(bootSector: Uint8Array): number {
  const view = new DataView(bootSector.buffer, bootSector.byteOffset, bootSector.byteLength);
  return Number(view.getBigUint64(kernelSectorOffset, true));
}
