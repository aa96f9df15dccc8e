/** What `bench block` has measured, read off the consoles, and its rows of the table. Pure. */

/** Rates in 10^6 bytes per second; the best of all rounds, because a disturbance only slows down. */
export interface TransportFigures {
  readonly name: string;
  readonly encrypted: boolean;
  readonly readMBps: number;
  readonly writeMBps: number;
  /** 4 KiB at random places, 32 in flight, a second. */
  readonly read4kIops: number;
  readonly write4kIops: number;
  /** A TCP stream on the same link, in the same boot. */
  readonly tcp?: StreamFigures;
  /** The same through the session's WireGuard. */
  readonly tunnel?: StreamFigures;
  /** 4 KiB as the original Stiefelsystem had it: one plain connection (stream_source.ts). */
  readonly original?: { readonly read4kIops: number; readonly write4kIops: number };
  /** Processor time of the machines (QEMU's processes) for 10^9 bytes: the least of all rounds. */
  readonly cpuSPerGB: Readonly<Partial<Record<Measurement, MachineSeconds>>>;
}

/** As seen from the desktop. */
export interface StreamFigures {
  readonly readMBps: number;
  readonly writeMBps: number;
}

export interface MachineSeconds {
  readonly desktop: number;
  readonly laptop: number;
}

const streams = ["tcpRead", "tcpWrite", "tunnelRead", "tunnelWrite"] as const;
/** And the direction in fio's line. */
const disks = {
  read: "read",
  write: "write",
  read4k: "read",
  write4k: "write",
  originalRead4k: "read",
  originalWrite4k: "write",
} as const;
export type Measurement = typeof streams[number] | keyof typeof disks;

/** A line of the desktop's console, and the processor time that the machines had used when it came, where known. */
export interface BenchMark {
  readonly text: string;
  readonly desktopS?: number | undefined;
  readonly laptopS?: number | undefined;
}

interface Measured {
  readonly bytes: number;
  readonly megabytesPerSecond: number;
  /** Of a disk. */
  readonly iops: number;
  readonly cpu?: MachineSeconds;
}

/**
 * The lines `stiefel-bench: …` of the demo disk (image/demo/usr/lib/stiefel-demo/block_bench), which carry fio's
 * "terse" output, and the bytes and seconds of streams.
 * @returns undefined when the disk lacks a figure
 */
export function readBlockFigures(
  marks: readonly BenchMark[],
  transport: { readonly name: string; readonly encrypted: boolean },
): TransportFigures | undefined {
  const rounds = readRounds(marks);
  const best = (name: Measurement, value: (measured: Measured) => number): number | undefined => {
    const values = (rounds.get(name) ?? []).map(value);
    return values.length === 0 ? undefined : Math.max(...values);
  };
  const rate = (name: Measurement): number | undefined => best(name, (each) => each.megabytesPerSecond);
  const iops = (name: Measurement): number | undefined => best(name, (each) => each.iops);
  const stream = (readMBps: number | undefined, writeMBps: number | undefined): StreamFigures | undefined =>
    readMBps === undefined || writeMBps === undefined ? undefined : { readMBps, writeMBps };
  const disk = [rate("read"), rate("write"), iops("read4k"), iops("write4k")];
  const [readMBps, writeMBps, read4kIops, write4kIops] = disk;
  if (readMBps === undefined || writeMBps === undefined) return undefined;
  if (read4kIops === undefined || write4kIops === undefined) return undefined;
  const tcp = stream(rate("tcpRead"), rate("tcpWrite"));
  const tunnel = stream(rate("tunnelRead"), rate("tunnelWrite"));
  const [originalRead, originalWrite] = [iops("originalRead4k"), iops("originalWrite4k")];
  return {
    ...transport,
    ...{ readMBps, writeMBps, read4kIops, write4kIops },
    ...tcp === undefined ? {} : { tcp },
    ...tunnel === undefined ? {} : { tunnel },
    ...originalRead === undefined || originalWrite === undefined
      ? {}
      : { original: { read4kIops: originalRead, write4kIops: originalWrite } },
    cpuSPerGB: Object.fromEntries([...rounds].flatMap(([name, measured]) => {
      const perGB = measured.flatMap(({ bytes, cpu }) => cpu === undefined ? [] : [scale(cpu, 1e9 / bytes)]);
      const [first, ...more] = perGB;
      if (first === undefined) return [];
      const least = more.reduce((least, each) => sum(each) < sum(least) ? each : least, first);
      return [[name, { desktop: round(least.desktop, 2), laptop: round(least.laptop, 2) }]];
    })),
  };
}

function sum({ desktop, laptop }: MachineSeconds): number {
  return desktop + laptop;
}

function scale({ desktop, laptop }: MachineSeconds, factor: number): MachineSeconds {
  return { desktop: desktop * factor, laptop: laptop * factor };
}

function readRounds(marks: readonly BenchMark[]): ReadonlyMap<Measurement, readonly Measured[]> {
  const rounds = new Map<Measurement, Measured[]>();
  let begun: { readonly name: string; readonly mark: BenchMark } | undefined;
  for (const mark of marks) {
    const [, word = "", rest = ""] = /stiefel-bench: (\w+) (.*)$/.exec(mark.text) ?? [];
    if (word === "begin") begun = { name: rest.trim(), mark };
    const name = word as Measurement;
    const measured = streams.some((each) => each === name)
      ? parseStream(rest)
      : Object.hasOwn(disks, name)
      ? parseTerse(rest, disks[name as keyof typeof disks])
      : undefined;
    if (measured === undefined) continue;
    const cpu = begun?.name === name ? usedBetween(begun.mark, mark) : undefined;
    rounds.set(name, [...rounds.get(name) ?? [], { ...measured, ...cpu === undefined ? {} : { cpu } }]);
  }
  return rounds;
}

function usedBetween(before: BenchMark, after: BenchMark): MachineSeconds | undefined {
  if (before.desktopS === undefined || before.laptopS === undefined) return undefined;
  if (after.desktopS === undefined || after.laptopS === undefined) return undefined;
  return { desktop: after.desktopS - before.desktopS, laptop: after.laptopS - before.laptopS };
}

function parseStream(text: string): Measured | undefined {
  const [bytes = 0, seconds = 0] = text.trim().split(" ").map(Number);
  if (!(bytes > 0) || !(seconds > 0)) return undefined;
  return { bytes, megabytesPerSecond: round(bytes / 1e6 / seconds, 2), iops: 0 };
}

/**
 * Fields of fio's terse output, version 3 (fio(1), "TERSE OUTPUT"): KiB, KiB per second and operations per second,
 * from 0.
 */
const terseFields = {
  read: { kib: 5, kibPerSecond: 6, iops: 7 },
  write: { kib: 46, kibPerSecond: 47, iops: 48 },
} as const;

function parseTerse(text: string, direction: keyof typeof terseFields): Measured | undefined {
  const fields = text.split(";");
  if (fields[0] !== "3") return undefined;
  const field = (name: "kib" | "kibPerSecond" | "iops"): number => Number(fields[terseFields[direction][name]]);
  const [bytes, kibPerSecond, iops] = [field("kib") * 1024, field("kibPerSecond"), field("iops")];
  if (!(bytes > 0) || !(kibPerSecond > 0) || !(iops > 0)) return undefined;
  return { bytes, megabytesPerSecond: round(kibPerSecond * 1024 / 1e6, 2), iops: round(iops, 0) };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** One row of the table: what, and its figures. */
export type TableRow = readonly [what: string, figures: string];

/** @returns rows of one transport, each with what it is compared with in the same boot */
export function describeTransport(figures: TransportFigures): readonly TableRow[] {
  const { encrypted, tcp, tunnel, original, cpuSPerGB } = figures;
  const name = `${figures.name}${encrypted ? ", encrypted" : ""}`;
  const like = encrypted ? tunnel : tcp;
  const cpu = (of: Measurement): string => {
    const seconds = cpuSPerGB[of];
    return seconds === undefined ? "" : `, processor ${seconds.desktop.toFixed(0)} + ${seconds.laptop.toFixed(0)} s/GB`;
  };
  /** By the clock, and by what both machines together had to do for a byte. */
  const share = (value: number, of: number | undefined, what: string, [own, other]: readonly Measurement[]): string => {
    if (of === undefined) return "";
    const [mine, theirs] = [own, other].map((name) => name === undefined ? undefined : cpuSPerGB[name]);
    const byProcessor = mine === undefined || theirs === undefined
      ? ""
      : `, by processor time ${(sum(theirs) / sum(mine)).toFixed(2)}`;
    return ` (${(value / of).toFixed(2)} of ${what}${byProcessor})`;
  };
  const rate = (what: string, value: number, of: Measurement, compared = ""): TableRow => [
    `${name}: ${what}`,
    `${value.toFixed(1)} MB/s${compared}${cpu(of)}`,
  ];
  const stream = (what: string, rates: StreamFigures | undefined, prefix: "tcp" | "tunnel"): readonly TableRow[] =>
    rates === undefined ? [] : [
      rate(`${what} from laptop`, rates.readMBps, `${prefix}Read`),
      rate(`${what} to laptop`, rates.writeMBps, `${prefix}Write`),
    ];
  const likeName = encrypted ? "TCP through WireGuard" : "TCP";
  const small = (
    what: string,
    value: number,
    of: number | undefined,
    pair: readonly [Measurement, Measurement],
  ): TableRow => [
    `${name}: ${what}`,
    `${value.toFixed(0)} a second${share(value, of, "the original's way", pair)}${cpu(pair[0])}`,
  ];
  const prefix = encrypted ? "tunnel" : "tcp";
  return [
    ...stream("TCP", tcp, "tcp"),
    ...stream("tunnel", tunnel, "tunnel"),
    rate(
      "read",
      figures.readMBps,
      "read",
      share(figures.readMBps, like?.readMBps, likeName, ["read", `${prefix}Read`]),
    ),
    rate(
      "write",
      figures.writeMBps,
      "write",
      share(figures.writeMBps, like?.writeMBps, likeName, ["write", `${prefix}Write`]),
    ),
    small("read 4k", figures.read4kIops, original?.read4kIops, ["read4k", "originalRead4k"]),
    small("write 4k", figures.write4kIops, original?.write4kIops, ["write4k", "originalWrite4k"]),
  ];
}
