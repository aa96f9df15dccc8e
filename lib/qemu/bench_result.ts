/** `bench.json` and the table of the same figures. Pure. The keys are stable: others compare runs by them. */

import { describeTransport, type TransportFigures } from "./block_figures.ts";
import { type BootStep, formatBootTable, type MeasuredBoot } from "./boot_steps.ts";

/** Times in seconds, rates in 10^6 bytes per second, sizes in bytes. What was not measured is absent, never zero. */
export interface BenchResult {
  readonly boot?: BootFigures;
  readonly image?: ImageFigures;
  readonly build?: { readonly coldS: number; readonly warmS: number };
  readonly seal?: { readonly sealMBps: number; readonly openMBps: number };
  readonly stick?: StickFigures;
  readonly netboot?: NetbootFigures;
  /** `tcpMBps`: the best plain stream from the laptop in any of the boots. */
  readonly block?: {
    /** Processors of each machine. */
    readonly cpus: number;
    readonly tcpMBps?: number;
    readonly transports: readonly TransportFigures[];
  };
  readonly links?: readonly LinkFigure[];
}

/** How soon a desktop finds its laptop, behind the last of its cards. */
export interface LinkFigure {
  readonly cards: number;
  /** Both ends have jumbo frames, which are tried first. */
  readonly jumbo: boolean;
  /** From plugging the cable in to the connection, in milliseconds. */
  readonly foundMs: number;
}

export interface BootFigures {
  readonly localS?: number;
  readonly networkS?: number;
  readonly ratio?: number;
  /**
   * Ratios of all measured rounds, the least first; the times above and the steps are those of the one in the
   * middle.
   */
  readonly ratios?: readonly number[];
  /**
   * The fastest boot over the network / the fastest local one: a disturbance only adds time, so this is the figure to
   * quote from a shared machine.
   */
  readonly ratioOfMinima?: number;
  /**
   * Processor time of the desktop's machine up to multi-user / that of the local boot, the least of each; absent where
   * it is not known.
   */
  readonly cpuRatio?: number;
  /** Power-on to the agent / localS of every round with a ratio, the least first. */
  readonly agentShares?: readonly number[];
  /** Seconds from the desktop's power-on. */
  readonly steps: Readonly<Partial<Record<typeof reportedSteps[number], number>>>;
}

const reportedSteps = ["agent", "found", "fetched", "kexec", "root", "multiUser"] as const;

export interface ImageFigures {
  readonly initrdBytes: number;
  readonly kernelBytes: number;
  readonly agents: "compile" | "bundle";
  readonly minimumRamMiB?: number;
}

/** How soon a desktop's own firmware has started the image, by firmware (and protocol), beside a local boot. */
export interface StartFigures<Start extends string> {
  /** Multi-user of the same run's local boot. */
  readonly localS?: number;
  /** Processor time that the local boot took. */
  readonly localCpuS?: number;
  /** Power-on to the agent. */
  readonly agentS: Readonly<Partial<Record<Start, number>>>;
  /** The same in processor time of QEMU's process: what waits, as a menu does, is not in it. */
  readonly agentCpuS?: Readonly<Partial<Record<Start, number>>>;
  /** Power-on to the image's kernel: firmware, boot loader, reading kernel and initrd. */
  readonly kernelS?: Readonly<Partial<Record<Start, number>>>;
  readonly kernelCpuS?: Readonly<Partial<Record<Start, number>>>;
}

/** From a stick's image as it is written to a device. */
export interface StickFigures extends StartFigures<StickFirmware> {
  /** Size of the whole image, and how much of it is written. */
  readonly imageBytes: number;
  readonly writtenBytes: number;
  /** Making the image and writing it to a file, until it is on the disk. */
  readonly writeS: number;
}

/** From a laptop that serves, over its cable. */
export type NetbootFigures = StartFigures<NetbootStart>;

const stickFirmwares = ["seabios", "ovmf", "secureBoot"] as const;
export type StickFirmware = typeof stickFirmwares[number];

export const netbootStarts = ["seabios", "ovmfTftp", "ovmfHttp", "secureBoot"] as const;
export type NetbootStart = typeof netbootStarts[number];

/** A boot over the network, and one of the same disk as the machine's own. */
export interface BootRound {
  readonly network: MeasuredBoot;
  readonly local: MeasuredBoot;
}

/** @returns those that reached the end, by how much longer the network took, the quickest first */
function sortRounds(rounds: readonly BootRound[]): readonly { readonly round: BootRound; readonly ratio: number }[] {
  return rounds.flatMap((round) => {
    const { network: { times: { multiUser: networkS } }, local: { times: { multiUser: localS } } } = round;
    return networkS === undefined || localS === undefined ? [] : [{ round, ratio: roundRatio(networkS / localS) }];
  }).sort((a, b) => a.ratio - b.ratio);
}

/**
 * The round in the middle (of two, the slower): other work on the measuring machine disturbs a round, not all of them
 * alike.
 */
export function middleRound(rounds: readonly BootRound[]): BootRound | undefined {
  const sorted = sortRounds(rounds);
  return sorted[Math.floor(sorted.length / 2)]?.round ?? rounds[0];
}

/** The figures of the round in the middle, the ratios of all, and the quotients of the least. */
export function bootFigures(rounds: readonly BootRound[]): BootFigures {
  const middle = middleRound(rounds);
  const { multiUser: networkS, ...seen } = middle?.network.times ?? {};
  const localS = middle?.local.times.multiUser;
  const sorted = sortRounds(rounds);
  const agentShares = sorted.flatMap(({ round: { network, local } }) => {
    const { times: { agent } } = network;
    const { times: { multiUser } } = local;
    return agent === undefined || multiUser === undefined ? [] : [roundRatio(agent / multiUser)];
  }).sort((a, b) => a - b);
  const quotientOf = (seconds: (boot: MeasuredBoot) => number | undefined): number | undefined => {
    const least = (name: keyof BootRound): number =>
      Math.min(...rounds.map((each) => seconds(each[name]) ?? Number.POSITIVE_INFINITY));
    const quotient = least("network") / least("local");
    return Number.isFinite(quotient) && quotient > 0 ? roundRatio(quotient) : undefined;
  };
  const times: Partial<Record<BootStep, number>> = {
    ...seen,
    ...(networkS === undefined ? {} : { multiUser: networkS }),
  };
  return {
    ...present({
      localS: localS && round(localS, 2),
      networkS: networkS && round(networkS, 2),
    }),
    ...(localS === undefined || networkS === undefined ? {} : {
      ratio: roundRatio(networkS / localS),
      ratios: sorted.map(({ ratio }) => ratio),
      agentShares,
      ...present({
        ratioOfMinima: quotientOf(({ times }) => times.multiUser),
        cpuRatio: quotientOf(({ desktopProcessor }) => desktopProcessor?.multiUser),
      }),
    }),
    steps: present(Object.fromEntries(reportedSteps.map((name) => [name, times[name] && round(times[name], 2)]))),
  };
}

/** Without what was not measured. */
function present<Key extends string>(
  figures: Readonly<Record<Key, number | undefined>>,
): Partial<Record<Key, number>> {
  return Object.fromEntries(
    Object.entries(figures).filter(([, value]) => value !== undefined),
  ) as Partial<Record<Key, number>>;
}

export function formatBenchJson(result: BenchResult): string {
  return `${JSON.stringify(result, null, 2)}\n`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function roundRatio(value: number): number {
  return round(value, 3);
}

/** What people read, part by part; only what was measured. */
export interface BenchReport {
  readonly result: BenchResult;
  readonly times?: BootRound;
  /** What mmdebstrap alone takes for the image's packages. */
  readonly bareMmdebstrapS?: number;
}

/** @returns lines */
export function formatBenchTable({ result, times, bareMmdebstrapS }: BenchReport): string[] {
  const { boot, image, build, seal, stick, netboot, block, links } = result;
  const sections: string[][] = [];
  if (boot !== undefined && times !== undefined) {
    const agentShare = boot.localS === undefined || boot.steps.agent === undefined
      ? []
      : [row("power-on to agent / local boot", formatRatio(boot.steps.agent / boot.localS, boot.agentShares))];
    sections.push([
      ...formatBootTable(times.network, times.local),
      ...(boot.ratioOfMinima === undefined
        ? []
        : [row("network / local, the fastest of each", `${boot.ratioOfMinima.toFixed(2)}   <- the figure to quote`)]),
      ...(boot.cpuRatio === undefined ? [] : [row("the same in processor time", boot.cpuRatio.toFixed(2))]),
      ...(boot.ratio === undefined ? [] : [row("over the network / local boot", formatRatio(boot.ratio, boot.ratios))]),
      ...agentShare,
    ]);
  }
  if (image !== undefined) {
    sections.push([
      row("initrd", `${megabytes(image.initrdBytes)} MB`),
      row("kernel", `${megabytes(image.kernelBytes)} MB`),
      row("agents", image.agents),
      ...(image.minimumRamMiB === undefined ? [] : [row("least memory (agent runs)", `${image.minimumRamMiB} MiB`)]),
    ]);
  }
  if (build !== undefined) {
    sections.push([
      row("build, nothing cached", `${build.coldS.toFixed(1)} s`),
      row("build, an agent edited", `${build.warmS.toFixed(1)} s (${(build.warmS / build.coldS).toFixed(2)} of it)`),
      ...(bareMmdebstrapS === undefined ? [] : [
        row(
          "mmdebstrap alone",
          `${bareMmdebstrapS.toFixed(1)} s (build: ${(build.coldS / bareMmdebstrapS).toFixed(1)} x)`,
        ),
      ]),
    ]);
  }
  if (seal !== undefined) {
    sections.push([
      row("sealing", `${seal.sealMBps.toFixed(0)} MB/s`),
      row("opening", `${seal.openMBps.toFixed(0)} MB/s`),
    ]);
  }
  if (stick !== undefined) sections.push(formatStick(stick));
  if (netboot !== undefined) {
    sections.push(netbootStarts.flatMap((name) => formatStart(`net: ${netbootNames[name]}`, name, netboot)));
  }
  if (block !== undefined) {
    sections.push([
      row("block: processors of each machine", String(block.cpus)),
      ...(block.tcpMBps === undefined ? [] : [row("plain TCP stream", `${block.tcpMBps.toFixed(1)} MB/s`)]),
      ...block.transports.flatMap(describeTransport).map(([what, figures]) => row(what, figures)),
    ]);
  }
  if (links !== undefined) {
    sections.push(
      links.map(({ cards, jumbo, foundMs }) =>
        row(`cable to found, cards: ${cards}${jumbo ? ", jumbo" : ""}`, `${foundMs} ms`)
      ),
    );
  }
  return sections.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]);
}

const firmwareNames: Readonly<Record<StickFirmware, string>> = {
  seabios: "BIOS",
  ovmf: "UEFI",
  secureBoot: "Secure Boot",
};

const netbootNames: Readonly<Record<NetbootStart, string>> = {
  seabios: "BIOS",
  ovmfTftp: "UEFI by TFTP",
  ovmfHttp: "UEFI by HTTP",
  secureBoot: "Secure Boot",
};

function formatStick(stick: StickFigures): string[] {
  const { imageBytes, writtenBytes, writeS } = stick;
  return [
    row("stick: image", `${megabytes(imageBytes)} MB, ${megabytes(writtenBytes)} MB of it written`),
    row("stick: making and writing a file", `${writeS.toFixed(1)} s`),
    ...stickFirmwares.flatMap((name) => formatStart(`stick: ${firmwareNames[name]}`, name, stick)),
  ];
}

function formatStart<Start extends string>(title: string, name: Start, figures: StartFigures<Start>): string[] {
  const { localS, localCpuS, agentS, agentCpuS, kernelS, kernelCpuS } = figures;
  const line = (what: string, wall: number | undefined, cpu: number | undefined): string[] => {
    if (wall === undefined) return [];
    const share = localS === undefined ? "" : ` (${(wall / localS).toFixed(2)} of the local boot)`;
    const cpuShare = cpu === undefined || localCpuS === undefined ? "" : ` (${(cpu / localCpuS).toFixed(2)})`;
    const processor = cpu === undefined ? "" : `, processor ${cpu.toFixed(1)} s${cpuShare}`;
    return [row(`${title}, power-on to ${what}`, `${wall.toFixed(1)} s${share}${processor}`)];
  };
  return [...line("kernel", kernelS?.[name], kernelCpuS?.[name]), ...line("agent", agentS[name], agentCpuS?.[name])];
}

function formatRatio(ratio: number, all: readonly number[] = []): string {
  const rounds = all.length > 1 ? ` (rounds: ${all.map((each) => each.toFixed(2)).join(", ")})` : "";
  return `${ratio.toFixed(2)}${rounds}`;
}

function row(name: string, value: string): string {
  return `${name.padEnd(37)} ${value}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
