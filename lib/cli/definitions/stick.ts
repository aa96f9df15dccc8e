/** The commands for the stick, and for the keys that it carries. */
import { resolve } from "node:path/posix";
import { Argument, type Command } from "@commander-js/extra-typings";
import type { CommandStart } from "../command_start.ts";
import type { KeyOptions } from "../commands/key.ts";
import { addImageOptions, helpBelow } from "../shared_options.ts";

export function defineStickCommands(program: Command, from: CommandStart): void {
  defineSetupClientUsbdrive(program, from);
  defineKey(program, from);
}

function defineSetupClientUsbdrive(program: Command, { start, context }: CommandStart): void {
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
      const { setupClientUsbdrive } = await import("../commands/setup_client_usbdrive.ts");
      const { createStickMaker } = await import("../stick_maker.ts");
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
}

function defineKey(program: Command, { start, context }: CommandStart): void {
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
      const { manageKey } = await import("../commands/key.ts");
      await manageKey(system, ui, {
        action: action as KeyOptions["action"],
        keyPath: paths.keyFile,
        buildDirectory: paths.outDir,
        ...(file === undefined ? {} : { file: resolve(context.workingDirectory, file) }),
        ...(options.laptop === undefined ? {} : { laptop: options.laptop }),
      });
    });
}
