/** Is it still the same device: names such as /dev/sdb go to the next one that is plugged in. Pure. */

import { formatBytes } from "../format_bytes.ts";
import type { BlockDevice } from "../system/facts.ts";

/** What tells one device from another. */
export interface DeviceIdentity {
  readonly path: string;
  readonly sizeBytes: number;
  readonly logicalSectorBytes: number;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  readonly wwn: string | undefined;
  /** Another one each time a device is plugged in; undefined with kernels before 5.15. */
  readonly diskSequence: number | undefined;
}

export function identityOf(device: BlockDevice): DeviceIdentity {
  const { path, sizeBytes, logicalSectorBytes, model, serial, wwn, diskSequence } = device;
  return { path, sizeBytes, logicalSectorBytes, model, serial, wwn, diskSequence };
}

/** @returns what differs, in words that follow "it"; undefined when it is the same device in the same slot */
export function describeDifference(before: DeviceIdentity, now: DeviceIdentity | undefined): string | undefined {
  if (now === undefined) return "is gone";
  const differs = (
    name: "sizeBytes" | "logicalSectorBytes" | "model" | "serial" | "wwn" | "diskSequence",
  ): boolean => before[name] !== now[name];
  const say = (text: string | undefined): string => text === undefined ? "none" : `"${text}"`;
  if (differs("serial")) return `is another device now: serial ${say(now.serial)}, not ${say(before.serial)}`;
  if (differs("model")) return `is another device now: model ${say(now.model)}, not ${say(before.model)}`;
  if (differs("sizeBytes")) {
    return now.sizeBytes === 0
      ? "has no medium in it any more"
      : `is another device now: ${formatBytes(now.sizeBytes)}, not ${formatBytes(before.sizeBytes)}`;
  }
  if (differs("wwn") || differs("logicalSectorBytes")) return "is another device now";
  // One that had no number and has one now was looked at by another way.
  if (differs("diskSequence") && before.diskSequence !== undefined && now.diskSequence !== undefined) {
    return "was unplugged and plugged in again, or another one came in its place";
  }
  return undefined;
}
