/**
 * The two machines of `demo`, `bench` and `test-qemu`: a laptop that serves the demo disk and a desktop without any
 * disk, joined by one network cable. What each is made of is decided by pure functions; `bootPair` runs both to their
 * end.
 */

import { type ArchitectureName, architectures, usualArchitecture } from "../architecture.ts";
import { transportNeeds } from "../export/needs.ts";
import { CLEARS_MEMORY } from "../formats/kernel_command_line.ts";
import { StoppedByUser, UserError } from "../errors.ts";
import { desktopParametersFor, imageParameters } from "../image/quick_parameters.ts";
import type { System } from "../system/system.ts";
import { type ConsoleLine, type DemoReport, parseDemoReport } from "./console.ts";
import type { BenchMark } from "./block_figures.ts";
import { type BootStep, bootSteps, type BootTimes, type MeasuredBoot, readBootTimes } from "./boot_steps.ts";
import { readFileOnDemoDisk } from "./demo_disk.ts";
import { startVm, type Vm, type VmEnd } from "./run_vm.ts";
import type { QemuHost, VmSpec } from "./vm_spec.ts";

/** The image both machines start. */
export interface BootImage {
  readonly kernelPath: string;
  readonly initrdPath: string;
}

export interface PairSettings {
  /** Default amd64. */
  readonly architecture?: ArchitectureName;
  readonly image: BootImage;
  /** The laptop's disk, written to. */
  readonly diskPath: string;
  readonly serverMemoryMiB: number;
  readonly clientMemoryMiB: number;
  /** Of each machine; default 1. */
  readonly cpus?: number;
  readonly console: VmSpec["console"];
}

/** The cable's ends. The socket lies in the directory QEMU is started in: the path of a unix socket must be short. */
export const cableSocket = "cable.sock";
export const serverMac = "52:54:00:5a:1e:f1";
const clientMac = "52:54:00:5a:1e:f2";
export const serialConsole = serialConsoleOf(usualArchitecture);
/** Seen on the laptop's console when it has done all it can before a desktop asks (agents/server/server.ts). */
export const serverReadyPattern = /stiefelsystem: step=prepared /;
export const linkId = "cable";

/** What a program listens to comes last, and is the console of the agents. */
function serialConsoleOf(architecture: ArchitectureName): string {
  return `console=tty0 console=${architectures[architecture].serialLine},115200`;
}

/** @param parameters kernel parameters beyond the role's */
export function laptopSpec(settings: PairSettings, parameters: readonly string[] = []): VmSpec {
  const { architecture } = settings;
  return {
    name: "laptop",
    ...architecture === undefined ? {} : { architecture },
    memoryMiB: settings.serverMemoryMiB,
    ...(settings.cpus === undefined ? {} : { cpus: settings.cpus }),
    boot: {
      kind: "kernel",
      kernel: settings.image.kernelPath,
      initrd: settings.image.initrdPath,
      commandLine: [
        ...["stiefel.role=server", ...parameters, CLEARS_MEMORY, ...imageParameters],
        serialConsoleOf(architecture ?? usualArchitecture),
      ].join(" "),
    },
    disks: [{ path: settings.diskPath, format: "raw", serial: "stiefel-demo" }],
    links: [{ id: linkId, mac: serverMac, socketPath: cableSocket, end: "listening" }],
    console: settings.console,
  };
}

export function desktopSpec(
  settings: Omit<PairSettings, "diskPath" | "serverMemoryMiB">,
  credentials: Readonly<Record<string, string>> = {},
): VmSpec {
  const { architecture } = settings;
  return {
    name: "desktop",
    ...architecture === undefined ? {} : { architecture },
    memoryMiB: settings.clientMemoryMiB,
    ...(settings.cpus === undefined ? {} : { cpus: settings.cpus }),
    boot: {
      kind: "kernel",
      kernel: settings.image.kernelPath,
      initrd: settings.image.initrdPath,
      commandLine: [
        ...["stiefel.role=client", ...desktopParametersFor(architecture)],
        serialConsoleOf(architecture ?? usualArchitecture),
      ].join(" "),
    },
    disks: [],
    links: [{ id: linkId, mac: clientMac, socketPath: cableSocket, end: "connecting" }],
    credentials,
    console: settings.console,
  };
}

/** The same disk booted as the machine's own, by the kernel and initramfs that lie on it. */
export function localSpec(
  settings: {
    readonly image: BootImage;
    readonly commandLine: string;
    readonly diskPath: string;
    readonly memoryMiB: number;
  },
  credentials: Readonly<Record<string, string>> = {},
): VmSpec {
  return {
    name: "local",
    memoryMiB: settings.memoryMiB,
    boot: {
      kind: "kernel",
      kernel: settings.image.kernelPath,
      initrd: settings.image.initrdPath,
      commandLine: settings.commandLine,
    },
    disks: [{ path: settings.diskPath, format: "raw", serial: "stiefel-demo" }],
    links: [],
    credentials,
    console: "pipe",
  };
}

/** Where the socket of the cable is, seen from outside. */
export function cablePath(runDirectory: string): string {
  return `${runDirectory}/${cableSocket}`;
}

export interface RunPlace {
  readonly host: QemuHost;
  readonly runDirectory: string;
  readonly signal?: AbortSignal;
}

/** What a demo boot reads from its credentials (image/demo/usr/lib/stiefel-demo/report). */
export interface DemoOrder {
  readonly action: "poweroff" | "reboot" | "bench";
  readonly token: string;
}

export function demoCredentials(order: DemoOrder): Readonly<Record<string, string>> {
  return { "stiefel.demo": order.action, "stiefel.demo-token": order.token };
}

/** Where a demo boot leaves its token. */
export const demoMarkerPath = "/var/lib/stiefel-demo/marker";

/** A token no other run has used. */
export function newToken(system: System): string {
  return Array.from(system.randomBytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What was seen of one boot of the demo disk. */
export interface BootOutcome {
  readonly times: BootTimes;
  /** Processor time of the desktop's machine, and of the laptop's since the desktop was switched on, at each step. */
  readonly processor: BootProcessor;
  readonly report: DemoReport | undefined;
  /** The marker file carries the token of this run. */
  readonly isMarkerFound: boolean;
  readonly desktopEnd: VmEnd;
  /** Absent after a local boot. */
  readonly laptopEnd?: VmEnd;
  readonly lines: readonly ConsoleLine[];
  /** What the demo disk has measured; empty without the action "bench". */
  readonly marks: readonly BenchMark[];
}

/** Seconds that QEMU's processes used from the desktop's power-on to each step. */
export interface BootProcessor {
  readonly desktop: BootTimes;
  /** Empty after a local boot. */
  readonly laptop: BootTimes;
}

export function measuredBoot({ times, processor }: BootOutcome): MeasuredBoot {
  return { times, desktopProcessor: processor.desktop, laptopProcessor: processor.laptop };
}

export interface PairWatcher {
  onLaptopReady?(): void;
  /** A step of the desktop, as soon as it is reached. */
  onStep?(step: BootStep, title: string, atS: number): void;
  /** An agent that says it could not do something; it tries again by itself. */
  onTrouble?(machine: string, text: string): void;
}

export interface BootOptions {
  readonly place: RunPlace;
  readonly order: DemoOrder;
  readonly watcher?: PairWatcher;
}

/** Emulation of a whole machine takes about fifty times what the machine itself takes. */
function limitsMs(host: QemuHost): { readonly ready: number; readonly multiUser: number; readonly end: number } {
  return host.accelerator === "kvm"
    ? { ready: 60_000, multiUser: 180_000, end: 120_000 }
    : { ready: 180_000, multiUser: 420_000, end: 240_000 };
}

/**
 * Starts the laptop, waits until it serves, switches the desktop on and lets both run to their end.
 * @throws {UserError} when a step does not come in time; the consoles are in the run directory
 */
export async function bootPair(
  system: System,
  settings: PairSettings,
  options: BootOptions & { readonly laptopParameters?: readonly string[] },
): Promise<BootOutcome> {
  const { place, order, watcher = {}, laptopParameters = [] } = options;
  const limits = limitsMs(place.host);
  const limitMs = limits.ready + limits.multiUser + 2 * limits.end;
  const start = { runDirectory: place.runDirectory, limitMs, ...(place.signal ? { signal: place.signal } : {}) };
  await system.remove(cablePath(place.runDirectory));

  await using laptop = await startVm(
    system,
    laptopSpec(settings, ["stiefel.on_end=poweroff", ...laptopParameters]),
    place.host,
    { ...start, onLine: (line) => announceTrouble(watcher, "laptop", line) },
  );
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: limits.ready });
  watcher.onLaptopReady?.();

  const laptopBefore = await laptop.processorSeconds() ?? 0;
  const steps = watchSteps(watcher, async () => ({
    desktop: await desktop.processorSeconds(),
    laptop: subtract(await laptop.processorSeconds(), laptopBefore),
  }));
  await using desktop = await startVm(system, desktopSpec(settings, demoCredentials(order)), place.host, {
    ...start,
    onLine: steps.onLine,
  });
  // The laptop that ends while the desktop still needs it is the reason, not the desktop's silence.
  const multiUser = await Promise.race([
    waitForReport(desktop, limits.multiUser),
    laptop.ended.then((end) => {
      // Ctrl-C ends both machines, and which of them is seen first is chance.
      if (place.signal?.aborted) throw new StoppedByUser();
      throw new UserError(`The laptop's machine ended (${end.kind}) while the desktop was using its disk`, {
        hints: [`Its console is in ${laptop.logPath}`],
      });
    }),
  ]);
  const desktopEnd = await endWithin(system, desktop, limits.end + (order.action === "bench" ? limits.multiUser : 0));
  const laptopEnd = await endWithin(system, laptop, limits.end);
  return {
    ...await judge(system, settings.diskPath, { ...options, desktop, multiUser, desktopEnd }),
    processor: await steps.processor(),
    marks: await steps.marks(),
    laptopEnd,
  };
}

/** Boots the disk as the machine's own. @throws {UserError} when it does not come up in time */
export async function bootLocally(
  system: System,
  spec: VmSpec,
  options: BootOptions,
): Promise<BootOutcome> {
  const { place, order, watcher = {} } = options;
  const limits = limitsMs(place.host);
  const steps = watchSteps(watcher, async () => ({ desktop: await machine.processorSeconds(), laptop: undefined }));
  await using machine = await startVm(system, { ...spec, credentials: demoCredentials(order) }, place.host, {
    runDirectory: place.runDirectory,
    limitMs: limits.multiUser + limits.end,
    onLine: steps.onLine,
    ...(place.signal ? { signal: place.signal } : {}),
  });
  const multiUser = await waitForReport(machine, limits.multiUser);
  const desktopEnd = await endWithin(system, machine, limits.end + (order.action === "bench" ? limits.multiUser : 0));
  const [disk] = spec.disks;
  if (disk === undefined) throw new TypeError("A local boot needs a disk");
  const outcome = await judge(system, disk.path, { ...options, desktop: machine, multiUser, desktopEnd });
  return { ...outcome, processor: await steps.processor(), marks: await steps.marks() };
}

/** An initramfs of Debian that opens its shell, and systemd's emergency mode: no user is there to type. */
const hopelessPattern = /No init found|ALERT!|You are in (?:emergency|rescue) mode/;

function waitForReport(machine: Vm, timeoutMs: number): Promise<ConsoleLine> {
  return machine.waitForLine(/stiefel-demo: root=/, { timeoutMs, unless: hopelessPattern });
}

/** Lets the machine end by itself; what has not ended in time is ended, which its `VmEnd` says. */
async function endWithin(system: System, machine: Vm, timeoutMs: number): Promise<VmEnd> {
  const hasEnded = new AbortController();
  const late = system.delay(timeoutMs, hasEnded.signal).then(() => machine[Symbol.asyncDispose](), () => {});
  const end = await machine.ended;
  hasEnded.abort();
  await late;
  return end;
}

async function judge(
  system: System,
  diskPath: string,
  seen: Pick<BootOptions, "order"> & {
    readonly desktop: Vm;
    readonly multiUser: ConsoleLine;
    readonly desktopEnd: VmEnd;
  },
): Promise<Omit<BootOutcome, "processor" | "marks">> {
  const marker = await readFileOnDemoDisk(system, diskPath, demoMarkerPath);
  return {
    times: readBootTimes(seen.desktop.lines),
    report: parseDemoReport(seen.multiUser.text),
    isMarkerFound: marker?.includes(`token=${seen.order.token} `) ?? false,
    desktopEnd: seen.desktopEnd,
    lines: seen.desktop.lines,
  };
}

/**
 * Tells of each step of the desktop as soon as its console shows it, and looks then at what the machines have used.
 */
function watchSteps(
  watcher: PairWatcher,
  look: () => Promise<{ readonly desktop: number | undefined; readonly laptop: number | undefined }>,
): {
  onLine(line: ConsoleLine): void;
  processor(): Promise<BootProcessor>;
  marks(): Promise<readonly BenchMark[]>;
} {
  const lines: ConsoleLine[] = [];
  const looks = new Map<BootStep, ReturnType<typeof look>>();
  const marks: Promise<BenchMark>[] = [];
  return {
    onLine: (line) => {
      lines.push(line);
      announceTrouble(watcher, "desktop", line);
      if (line.text.includes("stiefel-bench: ")) {
        // What is not known is absent: the machine may have ended.
        const used = look().catch(() => ({ desktop: undefined, laptop: undefined }));
        marks.push(used.then(({ desktop, laptop }) => ({ text: line.text, desktopS: desktop, laptopS: laptop })));
      }
      const times = readBootTimes(lines);
      for (const { name, title } of bootSteps) {
        const atS = times[name];
        if (atS === undefined || looks.has(name)) continue;
        const used = look();
        used.catch(() => {}); // awaited at the end, if the boot gets there
        looks.set(name, used);
        watcher.onStep?.(name, title, atS);
      }
    },
    marks: () => Promise.all(marks),
    processor: async () => {
      const used = await Promise.all([...looks].map(async ([name, each]) => [name, await each] as const));
      const of = (machine: "desktop" | "laptop"): BootTimes =>
        Object.fromEntries(
          used.flatMap(([name, { [machine]: seconds }]) => seconds === undefined ? [] : [[name, seconds]]),
        );
      return { desktop: of("desktop"), laptop: of("laptop") };
    },
  };
}

function subtract(seconds: number | undefined, before: number): number | undefined {
  return seconds === undefined ? undefined : seconds - before;
}

/** What agents/client, agents/server and image/initrd's supervisor say then. */
const troublePattern = /Trying again after:|agent (?:stopped with an error|was ended by)|Kernel panic/;

function announceTrouble(watcher: PairWatcher, machine: string, { text }: ConsoleLine): void {
  if (troublePattern.test(text)) watcher.onTrouble?.(machine, text);
}

/** One fact a run has to prove. */
export interface Fact {
  readonly text: string;
  readonly holds: boolean;
}

/** What must be true of a boot over the network, in the order of the report. */
export function listFacts(outcome: BootOutcome): readonly Fact[] {
  const { report, laptopEnd, desktopEnd } = outcome;
  return [
    { text: "the desktop reached multi-user", holds: report !== undefined },
    {
      text: `its root is a disk on the network (${
        report === undefined ? "unknown" : `${report.root}, ${report.fstype}`
      })`,
      holds: report !== undefined && transportNeeds.some(({ desktop }) => report.root.startsWith(desktop.device)),
    },
    { text: "the file it wrote is on the laptop's disk image", holds: outcome.isMarkerFound },
    { text: `the desktop shut down by itself${describeEnd(desktopEnd)}`, holds: desktopEnd.kind === "shutdown" },
    { text: `the laptop shut down by itself${describeEnd(laptopEnd)}`, holds: laptopEnd?.kind === "shutdown" },
  ];
}

function describeEnd(end: VmEnd | undefined): string {
  return end === undefined || end.kind === "shutdown" ? "" : ` (it did not: ${end.kind})`;
}
