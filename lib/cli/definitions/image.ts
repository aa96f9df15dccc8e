/** The commands that begin: a configuration, and the image. */
import type { Command } from "@commander-js/extra-typings";
import { imageOptions } from "../command_options.ts";
import type { CommandStart } from "../command_start.ts";
import { addBuildOptions, addChangeOptions, addConfigOptions } from "../shared_options.ts";

export function defineImageCommands(program: Command, from: CommandStart): void {
  defineInit(program, from);
  defineCreateInitrd(program, from);
}

function defineInit(program: Command, { begin }: CommandStart): void {
  addChangeOptions(
    addConfigOptions(program.command("init").description("Look at this system and write a config.yaml for it.")),
  )
    .option("--root <dir>", "look at the system mounted there instead of the running one")
    .action(async (options) => {
      const { system, ui, paths } = begin(options);
      const { init } = await import("../commands/init.ts");
      await init(system, ui, {
        configPath: paths.configFile,
        isUsualPlace: options.config === undefined,
        ...(options.root === undefined ? {} : { root: options.root }),
        ...(options.dryRun === undefined ? {} : { dryRun: true }),
        ...(options.yes === undefined ? {} : { assumeYes: true }),
      });
    });
}

function defineCreateInitrd(program: Command, { start, context }: CommandStart): void {
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
      const { offerPackages } = await import("../../debian/offer_packages.ts");
      const { buildPrograms, findBootstrapWay } = await import("../../debian/bootstrap_way.ts");
      if (!options.dryRun) {
        const way = await findBootstrapWay(system);
        await offerPackages(system, ui, buildPrograms[way], { withArchiveKeys: way === "mmdebstrap" });
      }
      const { createInitrd, printImage, sayImage } = await import("../commands/create_initrd.ts");
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
}
