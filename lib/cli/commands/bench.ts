/**
 * `bench`: what the whole costs, in figures that can be compared between runs of one machine. Writes bench.json,
 * prints a table.
 */

import { UserError } from "../../errors.ts";
import { measureSealRate } from "../../protocol/seal_rate.ts";
import { asLocalBoot } from "../../qemu/boot_steps.ts";
import {
  type BenchReport,
  type BenchResult,
  bootFigures,
  type BootRound,
  formatBenchJson,
  formatBenchTable,
  type ImageFigures,
  middleRound,
  type StartFigures,
} from "../../qemu/bench_result.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import {
  bootLocally,
  type BootOutcome,
  desktopSpec,
  localSpec,
  measuredBoot,
  newToken,
} from "../../qemu/machine_pair.ts";
import { startVm } from "../../qemu/run_vm.ts";
import type { System } from "../../system/system.ts";
import { showStep, type Ui } from "../../ui.ts";
import { benchBlock } from "./bench_block.ts";
import { benchLinks } from "./bench_links.ts";
import { benchNetboot } from "./bench_netboot.ts";
import { benchStick } from "./bench_stick.ts";
import { createInitrd } from "./create_initrd.ts";
import type { BenchPart } from "../option_values.ts";
import { bootDemo, demandFacts, describeMachines } from "./demo.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, placeOf, prepareMachines } from "./prepare_machines.ts";

export interface BenchOptions extends MachineOptions {
  readonly parts: readonly BenchPart[];
  /** How often the boots are measured. */
  readonly rounds: number;
  /** Where bench.json goes. */
  readonly resultPath: string;
}

/**
 * @throws {UserError} when a machine does not get where it has to; what was measured before is written all the same
 */
export async function bench(system: System, ui: Ui, options: BenchOptions): Promise<void> {
  const parts = new Set(options.parts);
  let report: BenchReport = { result: {} };
  const add = (more: Partial<BenchReport>): void => {
    report = { ...report, ...more, result: { ...report.result, ...more.result } };
  };
  const needsMachines = (["boot", "image", "stick", "netboot", "block"] as const).some((part) => parts.has(part));
  const machines = needsMachines ? await prepareMachines(system, ui, options) : undefined;
  try {
    if (parts.has("links")) add({ result: { links: await benchLinks(system, ui, options) } });
    if (parts.has("seal")) add({ result: { seal: await benchSeal(system, ui) } });
    if (machines !== undefined && parts.has("boot")) {
      for await (const sofar of benchBoot(system, ui, { machines, options })) add(sofar);
    }
    if (machines !== undefined && parts.has("image")) {
      add({ result: { image: await benchImage(system, ui, { machines, options }) } });
    }
    if (machines !== undefined && parts.has("stick")) {
      const local = await measureLocalBoot(system, ui, { machines, options });
      add({ result: { stick: { ...local, ...await benchStick(system, ui, { machines, options }) } } });
    }
    if (machines !== undefined && parts.has("netboot")) {
      const local = await measureLocalBoot(system, ui, { machines, options });
      add({ result: { netboot: { ...local, ...await benchNetboot(system, ui, { machines, options }) } } });
    }
    if (machines !== undefined && parts.has("block")) {
      add({ result: { block: await benchBlock(system, ui, { machines, options }) } });
    }
    if (parts.has("build")) add(await benchBuild(system, ui, options));
  } finally {
    // What stopped before its first figure leaves those of an earlier run.
    if (Object.keys(report.result).length > 0) {
      await system.writeFile(options.resultPath, formatBenchJson(report.result));
    }
  }
  ui.result(formatBenchTable(report).join("\n"));
  if (machines !== undefined) ui.result(describeMachines(machines, options));
}

interface MachineBench {
  readonly machines: Machines;
  readonly options: BenchOptions;
}

async function benchSeal(system: System, ui: Ui): Promise<NonNullable<BenchResult["seal"]>> {
  const progress = ui.progress("Sealing and opening");
  const rate = await measureSealRate({ nowMs: () => system.monotonicMs() });
  progress.finish();
  return { sealMBps: Math.round(rate.sealMBps), openMBps: Math.round(rate.openMBps) };
}

/**
 * The same disk with one CPU each time, from the machine's own disk and over the network, in turn; the figures so far
 * after each round.
 */
async function* benchBoot(
  system: System,
  ui: Ui,
  { machines, options }: MachineBench,
): AsyncGenerator<Partial<BenchReport>> {
  const rounds: BootRound[] = [];
  while (rounds.length < options.rounds) {
    ui.say(`Boots, round ${rounds.length + 1} of ${options.rounds}`);
    const ownBoot = await bootFromOwnDisk(system, ui, { machines, options });
    const outcome = await bootDemo(system, ui, { machines, options });
    demandFacts(outcome, options);
    const round = { network: measuredBoot(outcome), local: asLocalBoot(measuredBoot(ownBoot)) };
    rounds.push(round);
    yield { result: { boot: bootFigures(rounds) }, times: middleRound(rounds) ?? round };
  }
}

async function bootFromOwnDisk(system: System, ui: Ui, { machines, options }: MachineBench): Promise<BootOutcome> {
  const diskPath = `${options.runDirectory}/local.img`;
  await copyDemoDisk(system, machines.disk, diskPath);
  const spec = localSpec({
    image: machines.disk,
    commandLine: machines.disk.commandLine,
    diskPath,
    memoryMiB: options.clientMemoryMiB ?? defaultMemoryMiB,
  });
  try {
    return await showStep(ui.progress("The same disk as the machine's own"), (progress) =>
      bootLocally(system, spec, {
        place: placeOf(machines, options),
        order: { action: "poweroff", token: newToken(system) },
        watcher: { onStep: (_, title, atS) => progress.note(`${title} at ${atS.toFixed(1)} s`) },
      }));
  } finally {
    await system.remove(diskPath);
  }
}

/** What starts of the same run are compared with; what did not come is absent. */
async function measureLocalBoot(
  system: System,
  ui: Ui,
  bench: MachineBench,
): Promise<Pick<StartFigures<string>, "localS" | "localCpuS">> {
  const { times: { multiUser: localS }, processor } = await bootFromOwnDisk(system, ui, bench);
  const { multiUser: localCpuS } = processor.desktop;
  return {
    ...localS === undefined ? {} : { localS: Number(localS.toFixed(2)) },
    ...localCpuS === undefined ? {} : { localCpuS },
  };
}

/** Sizes that are tried; a machine with too little memory panics, or says so and stays. */
const memorySizesMiB = [256, 288, 320, 352, 384, 416, 448, 480, 512, 576, 640, 768, 1024];

async function benchImage(system: System, ui: Ui, { machines, options }: MachineBench): Promise<ImageFigures> {
  const [initrd, kernel] = await Promise.all(
    [machines.image.initrdPath, machines.image.kernelPath].map((path) => system.stat(path)),
  );
  if (initrd === undefined || kernel === undefined) throw new UserError("The image disappeared while it was measured");
  const manifest: unknown = JSON.parse(await system.readText(machines.image.manifestPath));
  const { agents, minimumRamMiB: expectedMiB } = readManifest(manifest);
  const minimumRamMiB = await findLeastMemory(system, ui, { machines, options, expectedMiB });
  return {
    initrdBytes: initrd.sizeBytes,
    kernelBytes: kernel.sizeBytes,
    agents,
    ...(minimumRamMiB === undefined ? {} : { minimumRamMiB }),
  };
}

/** What lib/image/manifest.ts writes, as far as it is used here. */
function readManifest(manifest: unknown): { readonly agents: "compile" | "bundle"; readonly minimumRamMiB: number } {
  const { agents, minimumRamMiB } = manifest as { readonly agents?: unknown; readonly minimumRamMiB?: unknown };
  return {
    agents: agents === "compile" ? "compile" : "bundle",
    minimumRamMiB: typeof minimumRamMiB === "number" ? minimumRamMiB : 512,
  };
}

/**
 * The least of `memorySizesMiB` with which the agent gets to run: from the manifest's estimate down while it does, up
 * while it does not.
 */
async function findLeastMemory(
  system: System,
  ui: Ui,
  { machines, options, expectedMiB }: MachineBench & { readonly expectedMiB: number },
): Promise<number | undefined> {
  const progress = ui.progress("Least memory that starts the agent");
  const isEnough = (index: number): Promise<boolean> => {
    const memoryMiB = memorySizesMiB[index] ?? 0;
    progress.note(`trying ${memoryMiB} MiB`);
    return startsAgent(system, { machines, options, memoryMiB });
  };
  const last = memorySizesMiB.length - 1;
  let index = Math.min(last, Math.max(0, memorySizesMiB.findIndex((size) => size >= expectedMiB)));
  if (await isEnough(index)) { while (index > 0 && await isEnough(index - 1)) index--; }
  else do index++; while (index <= last && !await isEnough(index));
  progress.finish();
  return memorySizesMiB[index];
}

async function startsAgent(
  system: System,
  { machines, options, memoryMiB }: MachineBench & { readonly memoryMiB: number },
): Promise<boolean> {
  const limitMs = machines.host.accelerator === "kvm" ? 15_000 : 60_000;
  // Alone: no cable, so that no machine has to be at its other end. A panic ends the machine at once.
  const spec = desktopSpec({ image: machines.image, clientMemoryMiB: memoryMiB, console: "pipe" });
  const alone = {
    ...spec,
    name: `memory-${memoryMiB}`,
    links: [],
    boot: spec.boot.kind === "kernel" ? { ...spec.boot, commandLine: `${spec.boot.commandLine} panic=-1` } : spec.boot,
  };
  await using vm = await startVm(system, alone, machines.host, { ...placeOf(machines, options), limitMs });
  const line = await vm.waitForLine(/stiefelsystem: step=agent/, { timeoutMs: limitMs }).catch((error) => {
    options.signal?.throwIfAborted();
    if (error instanceof UserError) return undefined;
    throw error;
  });
  return line !== undefined;
}

/** Parts of the project an image is made of; copied, so that an agent can be edited. */
const projectParts = ["agents", "image", "lib", "deno.json", "deno.lock", "main.ts"];

/**
 * A build with nothing cached, one after an agent was edited, and what mmdebstrap alone takes for the same packages.
 */
async function benchBuild(system: System, ui: Ui, options: BenchOptions): Promise<Partial<BenchReport>> {
  await system.makeDirectory(options.runDirectory);
  const place = await system.makeTempDirectory({ parent: options.runDirectory, prefix: "build-" });
  try {
    const project = `${place}/project`;
    await system.makeDirectory(project);
    const sources = projectParts.map((part) => `${options.projectDirectory}/${part}`);
    await system.run(["cp", "-a", "--", ...sources, project]);
    const image = {
      ...options.image,
      // By mmdebstrap alone the packages are this machine's.
      startsHere: true,
      projectDir: project,
      cacheDir: `${place}/cache`,
      outDir: `${place}/out`,
      keyPath: `${place}/aes-key`,
    };
    const measure = async (): Promise<number> => {
      const startedMs = system.monotonicMs();
      await createInitrd(system, ui, image);
      return Math.round(system.monotonicMs() - startedMs) / 1000;
    };
    ui.say("Building the image with nothing cached");
    const coldS = await measure();
    const agent = `${project}/agents/client/main.ts`;
    await system.writeFile(agent, `${await system.readText(agent)}\nconsole.debug("edited");\n`);
    ui.say("Building it again with an agent edited");
    const warmS = await measure();
    return {
      result: { build: { coldS, warmS } },
      ...await benchMmdebstrap(system, ui, { ...image, outDir: image.outDir }),
    };
  } finally {
    await system.remove(place);
  }
}

/** The packages the manifest names, by mmdebstrap and nothing else. */
async function benchMmdebstrap(
  system: System,
  ui: Ui,
  { outDir }: { readonly outDir: string },
): Promise<Partial<BenchReport>> {
  const manifest = parseManifestPackages(await system.readText(`${outDir}/manifest.json`));
  if (manifest === undefined) return {};
  const progress = ui.progress("The same packages by mmdebstrap alone");
  const startedMs = system.monotonicMs();
  await system.run([
    "mmdebstrap",
    "--variant=extract",
    "--format=tar",
    // Firmware of network cards is in the second.
    "--components=main,non-free-firmware",
    `--include=${manifest.names.join(",")}`,
    manifest.suite,
    `${outDir}/bare.tar`,
    manifest.mirror,
  ], { timeoutMs: 30 * 60_000 });
  progress.finish();
  return { bareMmdebstrapS: Math.round(system.monotonicMs() - startedMs) / 1000 };
}

function parseManifestPackages(
  text: string,
): { readonly names: readonly string[]; readonly suite: string; readonly mirror: string } | undefined {
  const manifest = JSON.parse(text) as {
    readonly packages?: readonly { readonly name?: unknown }[];
    readonly debian?: { readonly suite?: unknown; readonly mirror?: unknown };
  };
  const names = (manifest.packages ?? []).map((entry) => entry.name).filter((name) => typeof name === "string");
  const { suite, mirror } = manifest.debian ?? {};
  if (names.length === 0 || typeof suite !== "string" || typeof mirror !== "string") return undefined;
  return { names, suite, mirror };
}
