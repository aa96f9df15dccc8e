/**
 * Boot configuration that is appended to an initramfs: kernel parameters and those of init, as a tree. Pure.
 *
 *     [initramfs][configuration, its size, its checksum, "#BOOTCONFIG\n"]
 *
 * Sources: Documentation/admin-guide/bootconfig.rst, "Boot Kernel With a Boot Config"; init/main.c,
 * `get_boot_config_from_initrd`.
 */

import { encodeUtf8 } from "../formats/text.ts";

const magic = encodeUtf8("#BOOTCONFIG\n");
/** Size and checksum, of 32 bits each, the lowest byte first. */
const headerBytes = 8;
/** XBC_DATA_MAX */
const maximumDataBytes = 32 * 1024 - 1;
/** Boot loaders fill the initramfs up to a multiple of four: the kernel looks that far back. */
const maximumFillBytes = 3;

/** How much of an initramfs' end {@link findBootconfig} has to see. */
export const bootconfigTailBytes = maximumDataBytes + headerBytes + magic.length + maximumFillBytes;

export interface BootconfigPlace {
  /** Where it begins. */
  readonly start: number;
  /** Where it ends: behind its last line, before what fills up the file. */
  readonly end: number;
}

/**
 * @param tail the end of an initramfs, or all of it where it is shorter
 * @returns its place in `tail`; undefined when the kernel would take none
 */
export function findBootconfig(tail: Uint8Array): BootconfigPlace | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let fill = 0; fill <= maximumFillBytes; fill++) {
    const end = tail.length - fill;
    const header = end - magic.length - headerBytes;
    if (header < 0) return undefined;
    if (!magic.every((byte, index) => tail[header + headerBytes + index] === byte)) continue;
    const start = header - view.getUint32(header, true);
    const isWhole = start >= 0 && header - start <= maximumDataBytes;
    return isWhole && sum(tail.subarray(start, header)) === view.getUint32(header + 4, true)
      ? { start, end }
      : undefined;
  }
  return undefined;
}

/** `xbc_calc_checksum` */
function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, byte) => (total + byte) >>> 0, 0);
}
