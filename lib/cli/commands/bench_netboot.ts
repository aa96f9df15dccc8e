/**
 * The part "netboot" of `bench`: a desktop without a stick and a disk, over a direct cable from a laptop that serves,
 * up to the agent, by firmware and protocol.
 */

import { ovmf } from "../../debian/ovmf.ts";
import { offerPackages } from "../../debian/offer_packages.ts";
import { type NetbootFigures, type NetbootStart, netbootStarts } from "../../qemu/bench_result.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import { cablePath, desktopSpec, laptopSpec, serialConsole, serverMac } from "../../qemu/machine_pair.ts";
import { startVm } from "../../qemu/run_vm.ts";
import { prepareSecureBoot, prepareUefi } from "../../qemu/uefi_firmware.ts";
import type { VmSpec } from "../../qemu/vm_spec.ts";
import type { System } from "../../system/system.ts";
import { showStep, type Ui } from "../../ui.ts";
import { createInitrd } from "./create_initrd.ts";
import { byStart, measureStart, type StartTimes } from "./measure_start.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, placeOf } from "./prepare_machines.ts";

/** The laptop keeps its initrd for desktops (doc/netboot.md). */
const laptopMemoryMiB = 1024;

interface NetbootBench {
  readonly machines: Machines;
  readonly options: MachineOptions;
}

/** @throws {UserError} when a firmware does not get to the agent */
export async function benchNetboot(system: System, ui: Ui, bench: NetbootBench): Promise<NetbootFigures> {
  const { machines, options } = bench;
  await offerPackages(system, ui, [ovmf.secureBootCode]);
  const configPath = `${options.runDirectory}/netboot.yaml`;
  const diskPath = `${options.runDirectory}/netboot.img`;
  const starts: Partial<Record<NetbootStart, StartTimes>> = {};
  try {
    const netboot = { links: [serverMac], cmdline: serialConsole.split(" ") };
    await system.writeFile(configPath, JSON.stringify({ netboot }));
    const outDir = `${options.runDirectory}/netboot-image`;
    const image = await createInitrd(system, ui, { ...options.image, configPath, outDir });
    await copyDemoDisk(system, machines.disk, diskPath);
    for (const name of netbootStarts) {
      starts[name] = await showStep(
        ui.progress(`Over the network to the agent (${name})`),
        () => startOverNetwork(system, { machines: { ...machines, image }, options, diskPath, name }),
        ({ agentS }) => `${agentS} s`,
      );
    }
  } finally {
    await system.remove(diskPath);
    await system.remove(configPath);
  }
  return byStart(starts);
}

async function startOverNetwork(
  system: System,
  { machines, options, diskPath, name }: NetbootBench & { readonly diskPath: string; readonly name: NetbootStart },
): Promise<StartTimes> {
  const limitMs = machines.host.accelerator === "kvm" ? 120_000 : 600_000;
  const settings = {
    image: machines.image,
    diskPath,
    serverMemoryMiB: Math.max(options.serverMemoryMiB ?? 0, laptopMemoryMiB),
    clientMemoryMiB: Math.max(options.clientMemoryMiB ?? defaultMemoryMiB, laptopMemoryMiB),
    console: "pipe",
  } as const;
  const place = { ...placeOf(machines, options), limitMs: 2 * limitMs };
  await system.remove(cablePath(options.runDirectory));
  // A laptop for each: one that has met a desktop waits for the next cable.
  await using laptop = await startVm(system, laptopSpec(settings, ["retain_initrd"]), machines.host, place);
  await laptop.waitForLine(/Network boot on \w+: no other DHCP server answers/, { timeoutMs: limitMs });
  const start = await firmwareOf(system, name, options);
  await using desktop = await startVm(system, { ...desktopSpec(settings), ...start }, machines.host, place);
  return await measureStart(desktop, limitMs);
}

async function firmwareOf(
  system: System,
  name: NetbootStart,
  { runDirectory }: MachineOptions,
): Promise<Pick<VmSpec, "boot" | "firmware">> {
  const machine = { runDirectory, name: "desktop" };
  switch (name) {
    case "seabios":
      return { boot: { kind: "network" } };
    case "ovmfTftp":
      return { boot: { kind: "network" }, firmware: await prepareUefi(system, machine) };
    case "ovmfHttp":
      return { boot: { kind: "network", uefiBy: "http" }, firmware: await prepareUefi(system, machine) };
    case "secureBoot":
      return { boot: { kind: "network" }, firmware: await prepareSecureBoot(system, machine) };
  }
}
