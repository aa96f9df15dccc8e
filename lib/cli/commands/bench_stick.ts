/** The part "stick" of `bench`: making a stick, and starting from it under each firmware, up to the agent. */

import { makeStickImage, type StickImage } from "../../media/stick_image.ts";
import type { StickFigures, StickFirmware } from "../../qemu/bench_result.ts";
import { desktopSpec, serialConsole } from "../../qemu/machine_pair.ts";
import { startVm } from "../../qemu/run_vm.ts";
import { fromStick, type StickBoot } from "../../qemu/stick_spec.ts";
import { prepareSecureBoot, prepareUefi } from "../../qemu/uefi_firmware.ts";
import type { System } from "../../system/system.ts";
import { showStep, type Ui } from "../../ui.ts";
import { offerPackages } from "../../debian/offer_packages.ts";
import { ovmf } from "../../debian/ovmf.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, placeOf } from "./prepare_machines.ts";

export interface StickBench {
  readonly machines: Machines;
  readonly options: MachineOptions;
  /** Multi-user of a local boot of this run, in seconds. */
  readonly localS?: number;
  /** The processor time it took. */
  readonly localCpuS?: number;
}

/** @throws {UserError} when a firmware does not get to the agent */
export async function benchStick(system: System, ui: Ui, bench: StickBench): Promise<StickFigures> {
  const { options: { runDirectory }, localS, localCpuS } = bench;
  await offerPackages(system, ui, [ovmf.secureBootCode]);
  const startedMs = system.monotonicMs();
  const stick = await makeStick(system, bench);
  await system.sync(stick.path);
  const writeS = seconds(system.monotonicMs() - startedMs);
  const place = { runDirectory, name: "desktop" };
  const firmwares: Readonly<Record<StickFirmware, () => Promise<StickBoot>>> = {
    seabios: () => Promise.resolve({}),
    ovmf: async () => ({ firmware: await prepareUefi(system, place) }),
    secureBoot: async () => ({ firmware: await prepareSecureBoot(system, place) }),
  };
  const boots: Partial<Record<StickFirmware, StickBootFigures>> = {};
  try {
    for (const [name, prepare] of Object.entries(firmwares) as [StickFirmware, () => Promise<StickBoot>][]) {
      boots[name] = await showStep(
        ui.progress(`From the stick to the agent (${name})`),
        async () => await startToAgent(system, { ...bench, stick, boot: await prepare() }),
        ({ agentS }) => `${agentS} s`,
      );
    }
  } finally {
    await system.remove(stick.path);
  }
  return {
    imageBytes: stick.sizeBytes,
    writtenBytes: stick.extents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    writeS,
    ...localS === undefined ? {} : { localS },
    ...localCpuS === undefined ? {} : { localCpuS },
    ...byFirmware(boots),
  };
}

/** Of one start. */
type StickBootFigures = Readonly<Record<"agentS" | "agentCpuS" | "kernelS" | "kernelCpuS", number>>;

function byFirmware(
  boots: Readonly<Partial<Record<StickFirmware, StickBootFigures>>>,
): Pick<Required<StickFigures>, keyof StickBootFigures> {
  const each = (name: keyof StickBootFigures): Partial<Record<StickFirmware, number>> =>
    Object.fromEntries(Object.entries(boots).map(([firmware, figures]) => [firmware, figures[name]]));
  return {
    kernelS: each("kernelS"),
    kernelCpuS: each("kernelCpuS"),
    agentS: each("agentS"),
    agentCpuS: each("agentCpuS"),
  };
}

async function makeStick(system: System, { machines, options }: StickBench): Promise<StickImage> {
  const { kernelPath } = machines.image;
  return await makeStickImage(system, {
    buildDirectory: kernelPath.slice(0, kernelPath.lastIndexOf("/")),
    keyPath: options.image.keyPath ?? `${options.projectDirectory}/aes-key`,
    parameters: serialConsole.split(" "),
  }, `${options.runDirectory}/stick.img`);
}

async function startToAgent(
  system: System,
  { machines, options, stick, boot }: StickBench & { readonly stick: StickImage; readonly boot: StickBoot },
): Promise<StickBootFigures> {
  const limitMs = machines.host.accelerator === "kvm" ? 60_000 : 400_000;
  const clientMemoryMiB = options.clientMemoryMiB ?? defaultMemoryMiB;
  // Alone, without a cable.
  const desktop = { ...desktopSpec({ image: machines.image, clientMemoryMiB, console: "pipe" }), links: [] };
  await using vm = await startVm(system, fromStick(desktop, stick, boot), machines.host, {
    ...placeOf(machines, options),
    limitMs,
  });
  const measure = async (pattern: RegExp): Promise<readonly [wallS: number, cpuS: number]> => {
    const line = await vm.waitForLine(pattern, { timeoutMs: limitMs });
    return [seconds(line.atMs), await vm.processorSeconds() ?? 0];
  };
  const [kernelS, kernelCpuS] = await measure(/Linux version/);
  const [agentS, agentCpuS] = await measure(/stiefelsystem: step=agent/);
  return { kernelS, kernelCpuS, agentS, agentCpuS };
}

function seconds(milliseconds: number): number {
  return Number((milliseconds / 1000).toFixed(2));
}
