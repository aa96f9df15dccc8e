/** The commands that run machines and containers: seeing it happen, trying it by hand, measuring. */
import { Argument, type Command } from "@commander-js/extra-typings";
import { lockRun, machineOptions } from "../command_options.ts";
import type { CommandStart } from "../command_start.ts";
import { benchParts, parseRounds } from "../option_values.ts";
import { addMachineOptions } from "../shared_options.ts";

export function defineMachinesCommands(program: Command, from: CommandStart): void {
  defineDemo(program, from);
  defineTestQemu(program, from);
  defineTestNspawn(program, from);
  defineBench(program, from);
}

function defineDemo(program: Command, { start, context }: CommandStart): void {
  addMachineOptions(
    program.command("demo")
      .description(
        "Build the image and a demo disk, boot a desktop from a laptop in QEMU, and show where the time went.",
      ),
  )
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { demo } = await import("../commands/demo.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "demo" });
      using _lock = await lockRun(system, machines);
      await demo(system, ui, machines);
    });
}

function defineTestQemu(program: Command, { start, context }: CommandStart): void {
  addMachineOptions(
    program.command("test-qemu")
      .description("One machine of the pair on this terminal; start the server first, the client in a second terminal.")
      .addArgument(new Argument("<role>", "which machine").choices(["server", "client"])),
  )
    .option("--fresh", "start with a fresh copy of the demo disk instead of the one the last server has left")
    .option("--parameter <text...>", "more kernel parameters for the image")
    .action(async (role, options) => {
      const { system, ui, paths } = await start(options);
      const { testQemu } = await import("../commands/test_qemu.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "test-qemu" });
      using _lock = await lockRun(system, machines, role);
      await testQemu(system, ui, {
        ...machines,
        role: role as "server" | "client",
        ...(options.fresh === undefined ? {} : { fresh: true }),
        ...(options.parameter === undefined ? {} : { parameters: options.parameter }),
      });
    });
}

function defineTestNspawn(program: Command, { start, context }: CommandStart): void {
  addMachineOptions(
    program.command("test-nspawn")
      .description("Both agents in containers of the image, joined by a virtual cable, up to the kexec. Needs root.")
      .addArgument(new Argument("[role]", "only one of them").choices(["server", "client"])),
  )
    .option("--disk <path>", "block device or image file to serve, only read; default: the demo disk")
    .action(async (role, options) => {
      const { system, ui, paths } = await start(options);
      const { testNspawn } = await import("../commands/test_nspawn.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "test-nspawn" });
      using _server = role === "client" ? undefined : await lockRun(system, machines, "server");
      using _client = role === "server" ? undefined : await lockRun(system, machines, "client");
      await testNspawn(system, ui, {
        ...machines,
        ...(role === undefined ? {} : { role: role as "server" | "client" }),
        ...(options.disk === undefined ? {} : { disk: options.disk }),
      });
    });
}

function defineBench(program: Command, { start, context }: CommandStart): void {
  addMachineOptions(
    program.command("bench")
      .description(
        "Measure boot, image, build, sealing, sticks, network boot, block transports and links; writes bench.json.",
      )
      .addArgument(
        new Argument("[parts...]", "what to measure; default: all").choices(benchParts),
      ),
  )
    .option("--rounds <number>", "how often the boots are measured, in turn", parseRounds, 5)
    .action(async (parts, options) => {
      const { system, ui, paths } = await start(options);
      const { bench } = await import("../commands/bench.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "bench" });
      using _lock = await lockRun(system, machines);
      await bench(system, ui, {
        ...machines,
        rounds: options.rounds,
        parts: parts.length === 0 ? benchParts : benchParts.filter((part) => parts.includes(part)),
        resultPath: `${context.stateDir ?? context.projectDir}/bench.json`,
      });
    });
}
