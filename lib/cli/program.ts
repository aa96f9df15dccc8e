/**
 * All commands and options of the command line tool. A command's work stands in `commands/`, loaded when it is asked
 * for.
 */

import { resolve } from "node:path/posix";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { ExitCode, UserError } from "../errors.ts";
import { type CommandName, sessionVariables } from "../grants.ts";
import { type PathOptions, type ProjectPaths, resolveConfigFile, resolveProjectPaths } from "../paths.ts";
import type { System } from "../system/system.ts";
import { version } from "../version.ts";
import { type CommonOptions, imageOptions, lockRun, machineOptions, type ProgramContext } from "./command_options.ts";
import { commandHelp, exitStatus } from "./help_texts.ts";
import { helpLayout, helpOutput, wrapText } from "./help_layout.ts";
import { collect, parseMemory, parseRounds } from "./option_values.ts";
import type { ProgramDescription } from "../manual/description.ts";
import type { Ui } from "../ui.ts";
import type { KeyOptions } from "./commands/key.ts";
import { describeProgram } from "./describe_program.ts";

/**
 * @param args without the program's own name. @throws {UserError} for wrong usage (exit code 2) and whatever the
 * command throws
 */
export async function runProgram(args: readonly string[], context: ProgramContext): Promise<void> {
  const program = buildProgram(context);
  if (args.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    // Commander has printed what was wrong; --help and --version end this way too, with 0.
    if (error.exitCode !== 0) throw new UserError("", { exitCode: ExitCode.usage });
  }
}

function isCommanderError(error: unknown): error is { readonly code: string; readonly exitCode: number } {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.") &&
    "exitCode" in error;
}

/** For tests, and for the task that writes manual pages and completions. */
export function describeCommands(): ProgramDescription {
  const start = (): never => {
    throw new TypeError("This program is only described");
  };
  const context = {
    projectDir: "/",
    workingDirectory: "/",
    environment: {},
    signal: new AbortController().signal,
    createUi: start,
    createSystem: start,
  };
  return describeProgram(buildProgram(context));
}

/** What every command starts from. */
interface Start {
  readonly system: System;
  readonly ui: Ui;
  readonly paths: ProjectPaths;
}

function buildProgram(context: ProgramContext): Command {
  const begin = (options: CommonOptions, configured: PathOptions["configured"] = {}): Start => ({
    system: context.createSystem({ isVerbose: options.verbose ?? false }),
    ui: context.createUi({ assumeYes: options.yes ?? false }),
    paths: resolveProjectPaths({
      ...context,
      env: context.environment,
      given: { config: options.config, outDir: options.outDir, cacheDir: options.cacheDir },
      configured,
    }),
  });
  /** For commands that use the cache or the results: the configuration may say where these are. */
  const start = async (options: CommonOptions): Promise<Start> => {
    const system = context.createSystem({ isVerbose: options.verbose ?? false });
    const path = resolveConfigFile({ ...context, given: { config: options.config } });
    const { readConfigFile } = await import("../config_file.ts");
    const { config } = await readConfigFile(system, path, { mustExist: options.config !== undefined });
    return begin(options, config.paths);
  };

  const program = new Command("stiefelsystem")
    .description("Use a laptop as the bootable disk of a stronger computer, over a network cable.")
    .version(version)
    .configureHelp(helpLayout)
    .configureOutput(helpOutput)
    .exitOverride()
    .showHelpAfterError('("--help" shows what is possible)')
    .addHelpText("after", () => `\n${wrapText(exitStatus, helpOutput.getOutHelpWidth())}`);

  addChangeOptions(
    addConfigOptions(program.command("init").description("Look at this system and write a config.yaml for it.")),
  )
    .option("--root <dir>", "look at the system mounted there instead of the running one")
    .action(async (options) => {
      const { system, ui, paths } = begin(options);
      const { init } = await import("./commands/init.ts");
      await init(system, ui, {
        configPath: paths.configFile,
        isUsualPlace: options.config === undefined,
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.yes === undefined ? {} : { assumeYes: true }),
      });
    });

  addBuildOptions(
    program.command("create-initrd")
      .description(
        "Build the image (kernel and initrd) that both computers start; what has not changed comes from a cache.",
      ),
  )
    .option("--dry-run", "list the stages and which of them are cached; change nothing")
    .option("--skip <stage...>", "leave these stages' parts out")
    .option("--only <stage...>", "make only these stages, and what they need")
    .option("--folder", "an unpacked tree for containers instead of kernel and initrd")
    .option("--json", "for programs; the form is doc/create-initrd.schema.json")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { offerPackages } = await import("../debian/offer_packages.ts");
      const { buildPrograms, findBootstrapWay } = await import("../debian/bootstrap_way.ts");
      if (!options.dryRun) {
        const way = await findBootstrapWay(system);
        await offerPackages(system, ui, buildPrograms[way], { withArchiveKeys: way === "mmdebstrap" });
      }
      const { createInitrd, printImage, sayImage } = await import("./commands/create_initrd.ts");
      const form = options.folder ? "folder" : "packed";
      const image = await createInitrd(system, ui, {
        ...await imageOptions(system, { context, paths, options }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.skip === undefined ? {} : { skip: options.skip }),
        ...(options.only === undefined ? {} : { only: options.only }),
        ...(options.json === undefined ? {} : { isJson: true }),
        form,
      });
      if (!options.json) await sayImage(system, ui, { image, form });
      else if (!options.dryRun) await printImage(system, ui, { image, form });
    });

  addPlanOptions(addImageOptions(
    program.command("setup-server")
      .description(
        "Set this laptop up to be used from a desktop. Every change is shown and asked for, and can be undone.",
      ),
  ))
    .option("--root <dir>", "set up the system mounted there instead of the running one")
    .option("--json", "with --dry-run: for programs; the form is doc/setup-server.schema.json")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { setupServer } = await import("./commands/setup_server.ts");
      const { findAutokexecArtifact } = await import("./autokexec_artifact.ts");
      const autokexec = await findAutokexecArtifact(system, paths.outDir);
      await setupServer(system, ui, {
        configPath: paths.configFile,
        keyPath: paths.keyFile,
        buildDirectory: paths.outDir,
        hostFilesDirectory: `${context.projectDir}/image/host`,
        ...(autokexec === undefined ? {} : { autokexec }),
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.diff === undefined ? {} : { withDiffs: true }),
        ...(options.json === undefined ? {} : { isJson: true }),
      });
    });

  addPlanOptions(
    addVerbose(program.command("undo-setup").description("Take back everything that setup-server has changed.")),
  )
    .option("--root <dir>", "the system mounted there instead of the running one")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { undoSetup } = await import("./commands/undo_setup.ts");
      await undoSetup(system, ui, {
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.diff === undefined ? {} : { withDiffs: true }),
      });
    });

  addImageOptions(program.command("doctor").description("Check whether this machine can be used from a desktop."))
    .option("--root <dir>", "look at the system mounted there instead of the running one")
    .option("--json", "for programs; the form is doc/doctor.schema.json")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { doctor } = await import("./commands/doctor.ts");
      await doctor(system, ui, {
        configPath: paths.configFile,
        keyPath: paths.keyFile,
        buildDirectory: paths.outDir,
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.json === undefined ? {} : { isJson: true }),
      });
    });

  addConfigOptions(
    program.command("boot-entry")
      .description(
        "Show which kernel, initramfs and command line a desktop would get from this laptop's disk, and from which file. Starts no server.",
      ),
  )
    .option("--root <dir>", "a system that is mounted there, or a copy of its files (default: the running one)")
    .option("--partition <dir>", "files of one partition of a disk; once for each, in the disk's order", collect)
    .option("--json", "for programs; the form is in doc/boot-entries.md")
    .addHelpText("after", () => helpBelow("boot-entry"))
    .action(async (options) => {
      const { system, ui, paths } = begin(options);
      const { bootEntry } = await import("./commands/boot_entry.ts");
      const isThere = options.config !== undefined || await system.stat(paths.configFile) !== undefined;
      const at = (path: string): string => resolve(context.workingDirectory, path);
      await bootEntry(system, ui, {
        ...(isThere ? { configPath: paths.configFile } : {}),
        ...(options.root === undefined ? {} : { root: at(options.root) }),
        ...(options.partition === undefined ? {} : { partitions: options.partition.map(at) }),
        ...(options.json === undefined ? {} : { isJson: true }),
      });
    });

  addVerbose(
    program.command("serve-now").description(
      "Restart this laptop as a server now, for a desktop that cannot ask for it (behind a router, without autokexec).",
    ),
  )
    .option("--yes", "restart without a question")
    .option("--dry-run", "show what would be started and handed over; restart nothing")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { serveNow } = await import("./commands/serve_now.ts");
      await serveNow(system, ui, options.dryRun === undefined ? {} : { dryRun: true });
    });

  addVerbose(
    program.command("status").description("On a desktop: what the laptop says whose disk this system runs from."),
  )
    .option("--open", "open the laptop's page in a browser")
    .option("--json", "for programs; the form is doc/status.schema.json")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { showStatus } = await import("./commands/status.ts");
      await showStatus(system, ui, {
        ...(options.json === undefined ? {} : { isJson: true }),
        ...(options.open === undefined ? {} : { openWith: pickSession(context.environment) }),
      });
    });

  addVerbose(
    program.command("release").description(
      "On a desktop: shut it down in order, so that the laptop gets its disk back. Tells what happens, and asks.",
    ),
  )
    .option("--yes", "shut down without a question")
    .option("--dry-run", "tell what would happen; shut nothing down")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { release } = await import("./commands/release.ts");
      await release(system, ui, options.dryRun === undefined ? {} : { dryRun: true });
    });

  addConfigOptions(
    program.command("client").description(
      "Boot this computer from a laptop's disk without a stick: from the Linux that runs on it, which shuts down for that. Needs root.",
    ),
  )
    .option("--server <address>", "go to this address instead of asking on all links")
    .option("--try", "throw away in the end what is changed: the laptop's disk stays as it is")
    .option("--yes", "shut down without a question")
    .option("--dry-run", "do everything up to the question, and say what would be started")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { offerPackages } = await import("../debian/offer_packages.ts");
      await offerPackages(system, ui, ["kexec", "wg"]);
      const { runClientProgram } = await import("../../agents/client/program.ts");
      const exitCode = await runClientProgram([
        ...["--from-running-system", "--key", paths.keyFile],
        ...(options.server === undefined ? [] : ["--server", options.server]),
        ...(options.try === undefined ? [] : ["--mode", "try"]),
        ...(options.yes === undefined ? [] : ["--yes"]),
        ...(options.dryRun === undefined ? [] : ["--no-kexec"]),
      ]);
      // It has said what was wrong.
      if (exitCode !== ExitCode.done) throw new UserError("", { exitCode });
    });

  addImageOptions(
    program.command("setup-client-usbdrive")
      .description(
        "Write the stick that starts a desktop, or bring one up to date. Shows the devices, asks, reads back.",
      )
      .argument("[device]", "which one, such as sdb; default: it is asked for, after a list"),
  )
    .option("--image <file>", "make an image file instead, sparse, without root")
    .option("--dry-run", "show the devices, and what would be destroyed on the one named; write nothing")
    .option("--yes", "write to the device that is named without a question; what is refused stays refused")
    .option("--anew", "write the whole stick, also where an update of a stick of ours would do")
    .option("--parameter <text...>", "more kernel parameters for the desktop's image, such as nomodeset")
    .option("--laptop <name>", "which laptop to take when several answer, after 10 s without a key; '' for none")
    .addHelpText("after", () => helpBelow("setup-client-usbdrive"))
    .action(async (device, options) => {
      const { system, ui, paths } = await start(options);
      const { setupClientUsbdrive } = await import("./commands/setup_client_usbdrive.ts");
      const { createStickMaker } = await import("./stick_maker.ts");
      const maker = await createStickMaker(system, {
        buildDirectory: paths.outDir,
        keyPath: paths.keyFile,
        ...(options.parameter === undefined ? {} : { parameters: options.parameter }),
        ...(options.laptop === undefined ? {} : { defaultLaptop: options.laptop }),
      });
      await setupClientUsbdrive(system, ui, {
        maker,
        options: {
          workDirectory: paths.outDir,
          ...(device === undefined ? {} : { device }),
          ...(options.image === undefined ? {} : { image: resolve(context.workingDirectory, options.image) }),
          ...(options.dryRun === undefined ? {} : { dryRun: true }),
          ...(options.yes === undefined ? {} : { assumeYes: true }),
          ...(options.anew === undefined ? {} : { isAnew: true }),
        },
      });
    });

  addImageOptions(
    program.command("key")
      .description(
        "The shared key: show its fingerprint, make a new one, carry it to another machine as text. Keys of other laptops beside it are for sticks.",
      )
      .addArgument(
        new Argument("<action>", "what to do with it").choices(["show", "new", "export", "import", "forget"]),
      )
      .argument("[file]", "of export and import; default: the terminal"),
  )
    .option("--laptop <name>", "of import and forget: not the own key, but the one of that laptop beside it")
    .option("--yes", "answer every question with yes")
    .action(async (action, file, options) => {
      const { system, ui, paths } = await start(options);
      const { manageKey } = await import("./commands/key.ts");
      await manageKey(system, ui, {
        action: action as KeyOptions["action"],
        keyPath: paths.keyFile,
        buildDirectory: paths.outDir,
        ...(file === undefined ? {} : { file: resolve(context.workingDirectory, file) }),
        ...(options.laptop === undefined ? {} : { laptop: options.laptop }),
      });
    });

  addMachineOptions(
    program.command("demo")
      .description(
        "Build the image and a demo disk, boot a desktop from a laptop in QEMU, and show where the time went.",
      ),
  )
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { demo } = await import("./commands/demo.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "demo" });
      using _lock = await lockRun(system, machines);
      await demo(system, ui, machines);
    });

  addMachineOptions(
    program.command("test-qemu")
      .description("One machine of the pair on this terminal; start the server first, the client in a second terminal.")
      .addArgument(new Argument("<role>", "which machine").choices(["server", "client"])),
  )
    .option("--fresh", "start with a fresh copy of the demo disk instead of the one the last server has left")
    .option("--parameter <text...>", "more kernel parameters for the image")
    .action(async (role, options) => {
      const { system, ui, paths } = await start(options);
      const { testQemu } = await import("./commands/test_qemu.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "test-qemu" });
      using _lock = await lockRun(system, machines, role);
      await testQemu(system, ui, {
        ...machines,
        role: role as "server" | "client",
        ...(options.fresh === undefined ? {} : { fresh: true }),
        ...(options.parameter === undefined ? {} : { parameters: options.parameter }),
      });
    });

  addMachineOptions(
    program.command("test-nspawn")
      .description("Both agents in containers of the image, joined by a virtual cable, up to the kexec. Needs root.")
      .addArgument(new Argument("[role]", "only one of them").choices(["server", "client"])),
  )
    .option("--disk <path>", "block device or image file to serve, only read; default: the demo disk")
    .action(async (role, options) => {
      const { system, ui, paths } = await start(options);
      const { testNspawn } = await import("./commands/test_nspawn.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "test-nspawn" });
      using _server = role === "client" ? undefined : await lockRun(system, machines, "server");
      using _client = role === "server" ? undefined : await lockRun(system, machines, "client");
      await testNspawn(system, ui, {
        ...machines,
        ...(role === undefined ? {} : { role: role as "server" | "client" }),
        ...(options.disk === undefined ? {} : { disk: options.disk }),
      });
    });

  addMachineOptions(
    program.command("bench")
      .description(
        "Measure boot, image, build, sealing, sticks, network boot, block transports and links; writes bench.json.",
      )
      .addArgument(
        new Argument("[parts...]", "what to measure; default: all").choices([
          "boot",
          "image",
          "build",
          "seal",
          "stick",
          "netboot",
          "block",
          "links",
        ]),
      ),
  )
    .option("--rounds <number>", "how often the boots are measured, in turn", parseRounds, 5)
    .action(async (parts, options) => {
      const { system, ui, paths } = await start(options);
      const { bench, benchParts } = await import("./commands/bench.ts");
      const machines = await machineOptions(system, { context, paths, options, run: "bench" });
      using _lock = await lockRun(system, machines);
      await bench(system, ui, {
        ...machines,
        rounds: options.rounds,
        parts: parts.length === 0 ? benchParts : benchParts.filter((part) => parts.includes(part)),
        resultPath: `${context.stateDir ?? context.projectDir}/bench.json`,
      });
    });

  return program as unknown as Command;
}

function helpBelow(command: CommandName): string {
  return `\n${wrapText(commandHelp[command] ?? "", helpOutput.getOutHelpWidth())}`;
}

/** What a program needs to find the user's desktop session. */
function pickSession(environment: ProgramContext["environment"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    sessionVariables.flatMap((name) => environment[name] === undefined ? [] : [[name, environment[name]]]),
  );
}

// Return types of these builders are inferred: they carry each option's name and type to the action.
// deno-lint-ignore explicit-function-return-type
function addVerbose<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return command.option("--verbose", "print every command that is run");
}

// deno-lint-ignore explicit-function-return-type
function addConfigOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return addVerbose(command)
    .option("--config <file>", 'configuration (default: "config.yaml"; doc/config.md has every key)');
}

// deno-lint-ignore explicit-function-return-type
function addImageOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return addConfigOptions(command)
    .option("--out-dir <dir>", 'where kernel, initrd and manifest.json are (default: "build")');
}

// deno-lint-ignore explicit-function-return-type
function addChangeOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return command
    .option("--yes", "answer every question with yes")
    .option("--dry-run", "show everything, change nothing");
}

// deno-lint-ignore explicit-function-return-type
function addPlanOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return command
    .option("--yes", "answer every question with yes")
    .option("--dry-run", "print the plan to standard output, one line per step; change nothing")
    .option("--diff", "with --dry-run: print every change in full, too");
}

// deno-lint-ignore explicit-function-return-type
function addBuildOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return addImageOptions(command)
    .option("--cache-dir <dir>", 'where unchanged parts are kept (default: "stiefelsystem" in the user\'s cache)')
    .option("--yes", "answer every question with yes")
    .addOption(
      new Option("--agents <form>", "how agents get into the image: compiled, or bundled with one Deno beside them")
        .choices(["auto", "compile", "bundle"] as const),
    )
    .option("--update", "look for newer Debian packages");
}

// deno-lint-ignore explicit-function-return-type
function addMachineOptions<Args extends unknown[], Opts extends Record<string, unknown>>(command: Command<Args, Opts>) {
  return addBuildOptions(command)
    .option("--server-memory <MiB>", "memory of the laptop's machine", parseMemory)
    .option("--client-memory <MiB>", "memory of the desktop's machine", parseMemory);
}
