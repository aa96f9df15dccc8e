/**
 * Where a GRUB in one piece looks for its configuration: what grub-mkimage has put behind it (include/grub/kernel.h,
 * `grub_module_info64`, and the section "mods" of grub-core/kern/efi/init.c). Pure.
 */

import { parsePeSections, PeError } from "../boot/menu/unified.ts";

/** "mimg" */
const magic = 0x676d_696d;
const infoBytes = 24;
const headerBytes = 8;
/** grub_module_types: OBJ_TYPE_CONFIG, OBJ_TYPE_PREFIX. */
const types = { config: 2, prefix: 3 } as const;

/**
 * @param program the whole file
 * @returns "debian" for the prefix "/EFI/debian"; undefined for what is no GRUB, has another prefix, or a configuration
 *   of its own that may lead elsewhere
 */
export function readGrubDirectory(program: Uint8Array): string | undefined {
  const mods = findSection(program, "mods");
  if (mods === undefined || mods.length < infoBytes) return undefined;
  const view = new DataView(mods.buffer, mods.byteOffset, mods.byteLength);
  if (view.getUint32(0, true) !== magic) return undefined;
  const [start, size] = [Number(view.getBigUint64(8, true)), Number(view.getBigUint64(16, true))];
  const end = Math.min(size, mods.length);
  let directory: string | undefined;
  for (let at = start; at + headerBytes <= end;) {
    const [type, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (length < headerBytes || at + length > end || type === types.config) return undefined;
    if (type === types.prefix) {
      const text = new TextDecoder("latin1").decode(mods.subarray(at + headerBytes, at + length));
      directory = /^\/EFI\/([A-Za-z0-9_-]{1,32})\0+$/i.exec(text)?.[1];
    }
    at += length;
  }
  return directory;
}

function findSection(program: Uint8Array, wanted: string): Uint8Array | undefined {
  try {
    const section = parsePeSections(program, program.length).find(({ name }) => name === wanted);
    return section && program.subarray(section.offset, section.offset + section.sizeBytes);
  } catch (error) {
    if (error instanceof PeError) return undefined;
    throw error;
  }
}
