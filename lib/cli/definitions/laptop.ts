/** The commands of a laptop: setting it up, looking at it, serving by hand. */
import { resolve } from "node:path/posix";
import type { Command } from "@commander-js/extra-typings";
import type { CommandStart } from "../command_start.ts";
import { collect } from "../option_values.ts";
import { addConfigOptions, addImageOptions, addPlanOptions, addVerbose, helpBelow } from "../shared_options.ts";

export function defineLaptopCommands(program: Command, from: CommandStart): void {
  defineSetupServer(program, from);
  defineUndoSetup(program, from);
  defineDoctor(program, from);
  defineBootEntry(program, from);
  defineServeNow(program, from);
}

function defineSetupServer(program: Command, { start, context }: CommandStart): void {
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
      const { setupServer } = await import("../commands/setup_server.ts");
      const { findAutokexecArtifact } = await import("../autokexec_artifact.ts");
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
}

function defineUndoSetup(program: Command, { begin }: CommandStart): void {
  addPlanOptions(
    addVerbose(program.command("undo-setup").description("Take back everything that setup-server has changed.")),
  )
    .option("--root <dir>", "the system mounted there instead of the running one")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { undoSetup } = await import("../commands/undo_setup.ts");
      await undoSetup(system, ui, {
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.diff === undefined ? {} : { withDiffs: true }),
      });
    });
}

function defineDoctor(program: Command, { start }: CommandStart): void {
  addImageOptions(program.command("doctor").description("Check whether this machine can be used from a desktop."))
    .option("--root <dir>", "look at the system mounted there instead of the running one")
    .option("--json", "for programs; the form is doc/doctor.schema.json")
    .action(async (options) => {
      const { system, ui, paths } = await start(options);
      const { doctor } = await import("../commands/doctor.ts");
      await doctor(system, ui, {
        configPath: paths.configFile,
        keyPath: paths.keyFile,
        buildDirectory: paths.outDir,
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.json === undefined ? {} : { isJson: true }),
      });
    });
}

function defineBootEntry(program: Command, { begin, context }: CommandStart): void {
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
      const { bootEntry } = await import("../commands/boot_entry.ts");
      const isThere = options.config !== undefined || await system.stat(paths.configFile) !== undefined;
      const at = (path: string): string => resolve(context.workingDirectory, path);
      await bootEntry(system, ui, {
        ...(isThere ? { configPath: paths.configFile } : {}),
        ...(options.root === undefined ? {} : { root: at(options.root) }),
        ...(options.partition === undefined ? {} : { partitions: options.partition.map(at) }),
        ...(options.json === undefined ? {} : { isJson: true }),
      });
    });
}

function defineServeNow(program: Command, { begin }: CommandStart): void {
  addVerbose(
    program.command("serve-now").description(
      "Restart this laptop as a server now, for a desktop that cannot ask for it (behind a router, without autokexec).",
    ),
  )
    .option("--yes", "restart without a question")
    .option("--dry-run", "show what would be started and handed over; restart nothing")
    .action(async (options) => {
      const { system, ui } = begin(options);
      const { serveNow } = await import("../commands/serve_now.ts");
      await serveNow(system, ui, options.dryRun === undefined ? {} : { dryRun: true });
    });
}
