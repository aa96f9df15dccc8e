/** Reading the steps of a boot off a console, and comparing two boots. Pure. */

import type { ConsoleLine } from "./console.ts";
import { parseDemoReport } from "./console.ts";

/** In the order they happen; a boot from the machine's own disk has only `kernel`, `root` and `multiUser`. */
export const bootSteps = [
  { name: "kernel", title: "image kernel" },
  { name: "agent", title: "agent running" },
  { name: "found", title: "laptop found" },
  { name: "fetched", title: "kernel and initramfs fetched" },
  { name: "kexec", title: "kexec" },
  { name: "payloadKernel", title: "installed kernel" },
  { name: "attached", title: "disk attached" },
  { name: "root", title: "root mounted" },
  { name: "multiUser", title: "multi-user" },
] as const;

export type BootStep = typeof bootSteps[number]["name"];

/** Seconds from power-on, by the host's clock; a step that was not seen is absent. */
export type BootTimes = Readonly<Partial<Record<BootStep, number>>>;

/** What each line of the console says; the first line that says it counts. */
function stepOf(text: string, seen: BootTimes): BootStep | undefined {
  const mark = /stiefelsystem: step=(\w+)/.exec(text)?.[1];
  if (mark === "agent" || mark === "found" || mark === "fetched" || mark === "kexec") return mark;
  if (/Linux version \d/.test(text)) {
    // The second kernel of a boot over the network is the installed one.
    return seen.kernel === undefined ? "kernel" : "payloadKernel";
  }
  // image/host/generic/usr/lib/stiefelsystem/stiefel-attach
  if (/stiefelsystem: The laptop's disk is attached/.test(text)) return "attached";
  // fs/ext4/super.c; partitions of nbd0, nvme0n1 and vda end in a number and /boot is mounted after the root.
  if (/EXT4-fs \([^)]+\): mounted filesystem/.test(text)) return "root";
  if (parseDemoReport(text) !== undefined) return "multiUser";
  return undefined;
}

/** @param lines one boot's console, oldest first */
export function readBootTimes(lines: readonly ConsoleLine[]): BootTimes {
  let times: BootTimes = {};
  for (const line of lines) {
    const step = stepOf(line.text, times);
    if (step !== undefined && times[step] === undefined) times = { ...times, [step]: line.atMs / 1000 };
  }
  return times;
}

/** A boot that starts with the installed kernel, seen as the same steps. */
export function asLocalBoot(times: BootTimes): BootTimes {
  const { kernel, ...rest } = times;
  return kernel === undefined ? rest : { ...rest, payloadKernel: kernel };
}

/**
 * The table people read: seconds from power-on, what each step took, and the local boot beside it when there was one.
 * @returns lines
 */
export function formatBootTable(network: BootTimes, local?: BootTimes): string[] {
  const width = Math.max(...bootSteps.map((step) => step.title.length));
  const columns = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(10)).join("").trimEnd();
  const heads = ["at", "took", ...(local === undefined ? [] : ["local at", "took"])];
  const lines = [`${"seconds from power-on".padEnd(width)}${columns(heads)}`];
  let before = { network: 0, local: 0 };
  for (const { name, title } of bootSteps) {
    const at = network[name];
    const localAt = local?.[name];
    if (at === undefined && localAt === undefined) continue;
    const cells = [...pair(at, before.network), ...(local === undefined ? [] : pair(localAt, before.local))];
    lines.push(`${title.padEnd(width)}${columns(cells)}`);
    before = { network: at ?? before.network, local: localAt ?? before.local };
  }
  return lines;
}

function pair(at: number | undefined, before: number): readonly [string, string] {
  return at === undefined ? ["", ""] : [at.toFixed(1), (at - before).toFixed(1)];
}
