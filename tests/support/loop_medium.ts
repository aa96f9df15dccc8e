/** A medium in a file, with a loop device: what is written to the device can be looked at past it. Needs root. */

import type { System } from "../../lib/system/system.ts";

export interface LoopMedium {
  /** The file. */
  readonly backing: string;
  /** "/dev/loop0" */
  readonly loop: string;
}

/**
 * @param stack takes it away again. Runs `losetup`, `truncate`, `mount`, `umount`
 * @param options.content what the medium holds at first; default: `sizeBytes` of zeros that take no room
 * @param options.roomBytes what the medium really keeps
 */
export async function makeLoopMedium(
  system: System,
  stack: AsyncDisposableStack,
  { directory, sizeBytes, sectorBytes, content, roomBytes }: {
    readonly directory: string;
    readonly sizeBytes: number;
    readonly sectorBytes: 512 | 4096;
    readonly content?: Uint8Array | undefined;
    readonly roomBytes?: number | undefined;
  },
): Promise<LoopMedium> {
  const medium = `${directory}/medium`;
  await Deno.mkdir(medium);
  if (roomBytes !== undefined) {
    await system.run(["mount", "-t", "tmpfs", "-o", `size=${roomBytes}`, "stiefel-test", medium]);
    stack.defer(async () => void await system.run(["umount", medium]));
  }
  const backing = `${medium}/backing`;
  if (content === undefined) await system.run(["truncate", "-s", String(sizeBytes), backing]);
  else await Deno.writeFile(backing, content);
  const sector = `--sector-size=${sectorBytes}`;
  const loop = (await system.run(["losetup", "--find", "--show", sector, backing])).stdout.trim();
  stack.defer(async () => void await system.run(["losetup", "--detach", loop]));
  return { backing, loop };
}
