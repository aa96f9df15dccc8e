/** Sectors of a partition that belong to no file: GRUB keeps the environment of a btrfs there. */

import { readBytes } from "../disk/read_bytes.ts";
import type { System } from "../system/system.ts";

/** GRUB's sectors, whatever the disk's are. */
const sectorBytes = 512;
/** An environment block has 512 or 1024 bytes. */
const maximumBlockBytes = 64 * 1024;

/**
 * @param list as GRUB writes it: "512+1,600+2", "+1" for the first. @throws when it asks for more than any boot loader
 *   keeps there
 */
export async function readBlockList(system: System, device: string, list: string): Promise<string> {
  const parts = list.split(",").map((part) => part.split("+").map(Number));
  const total = parts.reduce((sum, [, count = 0]) => sum + count * sectorBytes, 0);
  if (!(total <= maximumBlockBytes)) throw new Error(`"${list}" are too many sectors of "${device}"`);
  let text = "";
  for (const [start = 0, count = 0] of parts) {
    const bytes = await readBytes(system, device, { offset: start * sectorBytes, length: count * sectorBytes });
    text += new TextDecoder().decode(bytes);
  }
  return text;
}
