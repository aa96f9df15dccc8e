/** What the kernel counts of the disk and of the link while this machine serves. Pure. */
import { linkSpeedPath, parseLinkSpeed } from "../../lib/system/facts.ts";

export interface Measures {
  /** Absent where the kernel has no counters for the disk. */
  readonly disk?: { readonly readBytes: number; readonly writtenBytes: number };
  readonly link?: { readonly speedMbps?: number; readonly receiveErrors: number; readonly transmitErrors: number };
}

export interface TimedMeasures extends Measures {
  /** Monotonic clock. */
  readonly takenMs: number;
}

/** Documentation/ABI/stable/sysfs-block, "stat": in these units whatever the disk's own are. */
const sectorBytes = 512;

/**
 * The files that `parseMeasures` takes, one after the other. One that is missing is left out.
 * @param diskName the kernel's name: "sda"
 */
export function listMeasureFiles(diskName: string | undefined, linkName: string | undefined): readonly string[] {
  const isName = (name: string | undefined): name is string => name !== undefined && /^[\w.:@!-]+$/.test(name);
  return [
    ...isName(diskName) ? [`/sys/class/block/${diskName}/stat`] : [],
    ...isName(linkName) ? ["/proc/net/dev", linkSpeedPath(linkName)] : [],
  ];
}

/** @param text of those files, joined */
export function parseMeasures(text: string, linkName: string | undefined): Measures {
  const lines = text.split("\n").map((line) => line.trim());
  // The third and the seventh of 11 numbers, in newer kernels of 15 or 17.
  const stat = lines.map((line) => line.split(/\s+/)).find((words) =>
    words.length >= 11 && words.every((word) => /^\d+$/.test(word))
  );
  const disk = stat && { readBytes: Number(stat[2]) * sectorBytes, writtenBytes: Number(stat[6]) * sectorBytes };
  const link = linkName === undefined ? undefined : parseLink(lines, linkName);
  return { ...disk === undefined ? {} : { disk }, ...link === undefined ? {} : { link } };
}

/** proc_pid_net(5), "dev": bytes packets errs …, eight numbers received and eight sent. */
function parseLink(lines: readonly string[], linkName: string): Measures["link"] {
  const line = lines.find((one) => one.startsWith(`${linkName}:`));
  const numbers = line?.slice(linkName.length + 1).trim().split(/\s+/).map(Number);
  if (numbers === undefined || numbers.length < 16 || numbers.some(Number.isNaN)) return undefined;
  const speedMbps = parseLinkSpeed(lines.find((one) => /^\d+$/.test(one)));
  return {
    ...speedMbps === undefined ? {} : { speedMbps },
    receiveErrors: numbers[2] ?? 0,
    transmitErrors: numbers[10] ?? 0,
  };
}

export interface Rates {
  readonly readBytesPerSecond: number;
  readonly writtenBytesPerSecond: number;
}

/** Two looks that lie farther apart give no rate. */
const longestMs = 60_000;
const shortestMs = 500;

/** @returns undefined where two looks do not tell: none before, another disk, too near or too far apart */
export function countRates(before: TimedMeasures | undefined, now: TimedMeasures): Rates | undefined {
  if (before?.disk === undefined || now.disk === undefined) return undefined;
  const passedMs = now.takenMs - before.takenMs;
  const readBytes = now.disk.readBytes - before.disk.readBytes;
  const writtenBytes = now.disk.writtenBytes - before.disk.writtenBytes;
  if (passedMs < shortestMs || passedMs > longestMs || readBytes < 0 || writtenBytes < 0) return undefined;
  return {
    readBytesPerSecond: Math.round(readBytes * 1000 / passedMs),
    writtenBytesPerSecond: Math.round(writtenBytes * 1000 / passedMs),
  };
}
