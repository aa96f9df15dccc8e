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
  // fs/ext4/super.c; names of partitions end in a number and /boot is mounted after the root.
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

/** A boot's clock, and the processor time of the machines it took. */
export interface MeasuredBoot {
  readonly times: BootTimes;
  /** Absent where the host does not tell. */
  readonly desktopProcessor?: BootTimes;
  readonly laptopProcessor?: BootTimes;
}

/** A boot that starts with the installed kernel, seen as the same steps. */
export function asLocalBoot({ times, desktopProcessor = {} }: MeasuredBoot): MeasuredBoot {
  return { times: startWithPayload(times), desktopProcessor: startWithPayload(desktopProcessor) };
}

function startWithPayload({ kernel, ...rest }: BootTimes): BootTimes {
  return kernel === undefined ? rest : { ...rest, payloadKernel: kernel };
}

/**
 * The table people read: seconds from power-on, what each step took, and the local boot beside it when there was one;
 * then, where it is known, the processor time of the desktop, of the laptop, and of the local boot.
 * @returns lines
 */
export function formatBootTable(network: MeasuredBoot, local?: MeasuredBoot): string[] {
  const width = Math.max(...bootSteps.map((step) => step.title.length));
  const clocks = [network.times, ...(local === undefined ? [] : [local.times])];
  const processors = [network.desktopProcessor, network.laptopProcessor, local?.desktopProcessor];
  const hasProcessor = processors.some((each) => each?.multiUser !== undefined);
  const columns = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(10)).join("").trimEnd();
  const lines = [
    `${"seconds from power-on".padEnd(width)}${
      columns([
        ...["at", "took"],
        ...(local === undefined ? [] : ["local at", "took"]),
        ...(hasProcessor ? ["cpu", "laptop's", ...(local === undefined ? [] : ["local cpu"])] : []),
      ])
    }`,
  ];
  const before = clocks.map(() => 0);
  for (const { name, title } of bootSteps) {
    if (clocks.every((clock) => clock[name] === undefined)) continue;
    const cells = clocks.flatMap((clock, index) => pair(clock[name], before[index] ?? 0));
    const used = hasProcessor
      ? processors.slice(0, local === undefined ? 2 : 3).map((each) => each?.[name]?.toFixed(1) ?? "")
      : [];
    lines.push(`${title.padEnd(width)}${columns([...cells, ...used])}`);
    clocks.forEach((clock, index) => before[index] = clock[name] ?? before[index] ?? 0);
  }
  return lines;
}

function pair(at: number | undefined, before: number): readonly [string, string] {
  return at === undefined ? ["", ""] : [at.toFixed(1), (at - before).toFixed(1)];
}
