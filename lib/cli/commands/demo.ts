/**
 * `demo`: builds everything, boots a desktop from a laptop's disk, and shows that it happened and where the time went.
 */

import { UserError } from "../../errors.ts";
import { formatBootTable } from "../../qemu/boot_steps.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import { type BootOutcome, bootPair, listFacts, measuredBoot, newToken } from "../../qemu/machine_pair.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { commandToType, type NextCommand, sayOutcome } from "../outcome.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, placeOf, prepareMachines } from "./prepare_machines.ts";

export type DemoOptions = MachineOptions;

/**
 * @throws {UserError} when anything that has to be shown did not happen; the consoles are kept in the run directory
 */
export async function demo(system: System, ui: Ui, options: DemoOptions): Promise<void> {
  const machines = await prepareMachines(system, ui, options);
  const outcome = await bootDemo(system, ui, { machines, options });
  const facts = listFacts(outcome);
  ui.result(formatBootTable(measuredBoot(outcome)).join("\n"));
  ui.result("");
  for (const fact of facts) ui.result(`${fact.holds ? "yes" : "NO "}  ${fact.text}`);
  ui.result(describeMachines(machines, options));
  if (facts.some((fact) => !fact.holds)) {
    throw new UserError("The demo failed some of its checks", {
      hints: [`The consoles of both machines are in ${options.runDirectory}`],
    });
  }
  const { configPath } = options.image;
  sayOutcome(ui, {
    made: [{ what: "consoles of both machines", path: options.runDirectory }],
    next: [nextOnRealMachines(configPath !== undefined && await system.stat(configPath) !== undefined)],
  });
}

/** What comes after the demo: the steps of the README from the first that has not been taken. */
export function nextOnRealMachines(hasConfiguration: boolean): NextCommand {
  return hasConfiguration
    ? {
      command: commandToType("setup-server", { asRoot: true }),
      why: "sets this laptop up to be used from a desktop",
    }
    : {
      command: commandToType("init", { asRoot: true }),
      why: "on the laptop: the first step on real machines",
    };
}

/** One boot of the desktop from the laptop's disk, told step by step. Shared with `bench`. */
export async function bootDemo(
  system: System,
  ui: Ui,
  { machines, options, action = "poweroff", laptopParameters = [], cpus = 1 }: {
    readonly machines: Machines;
    readonly options: MachineOptions;
    readonly action?: "poweroff" | "bench";
    /** More kernel parameters for the laptop's image. */
    readonly laptopParameters?: readonly string[];
    /** Of each machine. */
    readonly cpus?: number;
  },
): Promise<BootOutcome> {
  const { runDirectory } = options;
  const diskPath = `${runDirectory}/disk.img`;
  await copyDemoDisk(system, machines.disk, diskPath);
  let progress = ui.progress("Laptop starts serving its disk");
  try {
    const outcome = await bootPair(system, {
      image: machines.image,
      diskPath,
      serverMemoryMiB: options.serverMemoryMiB ?? defaultMemoryMiB,
      clientMemoryMiB: options.clientMemoryMiB ?? defaultMemoryMiB,
      cpus,
      console: "pipe",
    }, {
      place: placeOf(machines, options),
      order: { action, token: newToken(system) },
      laptopParameters,
      watcher: {
        onLaptopReady: () => {
          progress.finish();
          progress = ui.progress("Desktop boots from it");
        },
        onTrouble: (machine, text) => ui.warn(`${machine}: ${text}`),
        onStep: (_, title, atS) => progress.note(`${title} at ${atS.toFixed(1)} s`),
      },
    });
    progress.finish();
    return outcome;
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    // The consoles stay; the disk is a copy.
    await system.remove(diskPath);
  }
}

/** Refuses the figures of a boot that did not do its work. */
export function demandFacts(outcome: BootOutcome, { runDirectory }: Pick<MachineOptions, "runDirectory">): void {
  const failed = listFacts(outcome).filter((fact) => !fact.holds);
  if (failed.length === 0) return;
  throw new UserError(
    `The measured boot failed these checks: ${failed.map((fact) => fact.text).join("; ")}`,
    { hints: [`The consoles are in ${runDirectory}`] },
  );
}

/** Under what the times were taken. */
export function describeMachines(machines: Machines, options: MachineOptions): string {
  const { accelerator, version } = machines.host;
  const how = accelerator === "kvm" ? "KVM" : "emulated (KVM cannot be used)";
  const laptop = options.serverMemoryMiB ?? defaultMemoryMiB;
  const desktop = options.clientMemoryMiB ?? defaultMemoryMiB;
  return `Machines: QEMU ${version.major}.${version.minor}, ${how}, 1 CPU each, ${laptop} MiB (laptop) and ${desktop} MiB (desktop)`;
}
