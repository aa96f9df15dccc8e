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
import { byStart, measureStart, type StartTimes } from "./measure_start.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, placeOf } from "./prepare_machines.ts";

interface StickBench {
  readonly machines: Machines;
  readonly options: MachineOptions;
}

/** @throws {UserError} when a firmware does not get to the agent */
export async function benchStick(system: System, ui: Ui, bench: StickBench): Promise<StickFigures> {
  const { options: { runDirectory } } = bench;
  await offerPackages(system, ui, [ovmf.secureBootCode]);
  const startedMs = system.monotonicMs();
  const stick = await makeStick(system, bench);
  await system.sync(stick.path);
  const writeS = Number(((system.monotonicMs() - startedMs) / 1000).toFixed(2));
  const place = { runDirectory, name: "desktop" };
  const firmwares: Readonly<Record<StickFirmware, () => Promise<StickBoot>>> = {
    seabios: () => Promise.resolve({}),
    ovmf: async () => ({ firmware: await prepareUefi(system, place) }),
    secureBoot: async () => ({ firmware: await prepareSecureBoot(system, place) }),
  };
  const boots: Partial<Record<StickFirmware, StartTimes>> = {};
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
    ...byStart(boots),
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
): Promise<StartTimes> {
  const limitMs = machines.host.accelerator === "kvm" ? 60_000 : 400_000;
  const clientMemoryMiB = options.clientMemoryMiB ?? defaultMemoryMiB;
  // Alone, without a cable.
  const desktop = { ...desktopSpec({ image: machines.image, clientMemoryMiB, console: "pipe" }), links: [] };
  await using vm = await startVm(system, fromStick(desktop, stick, boot), machines.host, {
    ...placeOf(machines, options),
    limitMs,
  });
  return await measureStart(vm, limitMs);
}
