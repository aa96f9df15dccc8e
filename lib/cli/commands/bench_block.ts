/**
 * `bench block`: the disk of a desktop by each transport, with and without encryption, and what it is compared with in
 * the same boot: plain TCP, TCP through WireGuard, and the way of the original Stiefelsystem.
 */

import { UserError } from "../../errors.ts";
import { lendingTransports, type TransportName } from "../../export/needs.ts";
import { securities, type Security } from "../../formats/security.ts";
import type { BenchResult } from "../../qemu/bench_result.ts";
import { readBlockFigures, type TransportFigures } from "../../qemu/block_figures.ts";
import { addStreamSource, streamSourceParameter } from "../../qemu/stream_source.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { createInitrd } from "./create_initrd.ts";
import { bootDemo, demandFacts } from "./demo.ts";
import { type MachineOptions, type Machines, prepareDemoDisk } from "./prepare_machines.ts";

/** Of each machine: several queues want several processors. */
const blockCpus = 2;

interface BlockBench {
  readonly machines: Machines;
  readonly options: MachineOptions;
}

export async function benchBlock(
  system: System,
  ui: Ui,
  { machines, options }: BlockBench,
): Promise<NonNullable<BenchResult["block"]>> {
  const disk = await prepareDemoDisk(system, ui, options, {
    title: "Demo disk with fio",
    name: "bench-disk",
    packages: ["fio"],
  });
  const transports: TransportFigures[] = [];
  for (const transport of lendingTransports) {
    for (const security of securities) {
      ui.say(`By ${transport}, block.security ${security}`);
      transports.push(
        await benchTransport(system, ui, { machines: { ...machines, disk }, options, transport, security }),
      );
    }
  }
  // The cable is the same for all: what slows a stream down is another program of this machine.
  const rates = transports.flatMap(({ tcp }) => tcp?.readMBps ?? []);
  return { cpus: blockCpus, ...rates.length === 0 ? {} : { tcpMBps: Math.max(...rates) }, transports };
}

async function benchTransport(
  system: System,
  ui: Ui,
  { machines, options, transport, security }: BlockBench & {
    readonly transport: TransportName;
    readonly security: Security;
  },
): Promise<TransportFigures> {
  const initrdPath = `${options.runDirectory}/stream-initrd`;
  const configPath = `${options.runDirectory}/block.yaml`;
  try {
    await system.writeFile(configPath, `block:\n  security: ${security}\n  transport: ${transport}\n`);
    const outDir = `${options.runDirectory}/block-image`;
    const built = await createInitrd(system, ui, { ...options.image, configPath, outDir, startsHere: true });
    const image = { ...built, ...await addStreamSource(system, built, initrdPath) };
    const outcome = await bootDemo(system, ui, {
      machines: { ...machines, image },
      options,
      action: "bench",
      laptopParameters: [streamSourceParameter],
      cpus: blockCpus,
    });
    demandFacts(outcome, options);
    const figures = readBlockFigures(outcome.marks, { name: transport, encrypted: security !== "none" });
    if (figures === undefined) {
      throw new UserError("The desktop did not report what it measured on its disk", {
        hints: [`Its console is in ${options.runDirectory}/desktop.log`],
      });
    }
    return figures;
  } finally {
    await system.remove(initrdPath);
    await system.remove(configPath);
  }
}
