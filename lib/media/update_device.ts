/** Writes what is new to a stick of ours, in an order that leaves a stick that starts after each write. */

import { describeError, StoppedByUser } from "../errors.ts";
import type { System } from "../system/system.ts";
import type { Ui } from "../ui.ts";
import { DeviceFault } from "./device_fault.ts";
import { createDeviceIo, type DeviceIo, sectorBytes } from "./device_io.ts";
import { demandUnused } from "./hold_device.ts";
import { compare } from "./write_device.ts";

/** Whole sectors of {@link sectorBytes}. */
export interface DeviceWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A device that is held. Each group is flushed and read back before the next one begins, so that nothing switches to a
 * bad copy.
 * @throws {DeviceFault} with the true fault; {StoppedByUser}. Runs `wipefs`, `dd`, `sync`.
 */
export async function updateDevice(
  system: System,
  ui: Ui,
  { path, groups }: { readonly path: string; readonly groups: readonly (readonly DeviceWrite[])[] },
): Promise<void> {
  const io = createDeviceIo(system, path);
  await demandUnused(system, path);
  const total = groups.flat().reduce((sum, { bytes }) => sum + bytes.length, 0);
  const progress = ui.progress("Updating", { total, unit: "bytes" });
  let done = 0;
  try {
    for (const group of groups) {
      for (const { offset, bytes } of group) {
        await io.write(offset, bytes);
        done += bytes.length;
        progress.update(done, `${Math.floor(100 * done / total)} %`);
      }
      await io.sync();
      for (const { offset, bytes } of group) await compare(io, offset, bytes);
    }
    progress.finish();
  } catch (error) {
    progress.fail();
    const left = `${path} starts as before, or with what is new: what it starts from is switched in one write`;
    if (error instanceof DeviceFault) throw error.withState(left);
    ui.warn(error instanceof StoppedByUser ? left : `${left} (${describeError(error)})`);
    throw error;
  }
}

/** Reads any range of a device, past the page cache. */
export function createReader(io: DeviceIo): (offset: number, sizeBytes: number) => Promise<Uint8Array> {
  return async (offset, sizeBytes) => {
    if (sizeBytes === 0) return new Uint8Array();
    const start = offset - offset % sectorBytes;
    const end = Math.ceil((offset + sizeBytes) / sectorBytes) * sectorBytes;
    const bytes = await io.read(start, end - start);
    return bytes.subarray(offset - start, offset - start + sizeBytes);
  };
}
