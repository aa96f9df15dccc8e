/** What several commands have: options, and words of their own below these in the help. */
import { type Command, Option } from "@commander-js/extra-typings";
import type { CommandName } from "../grants.ts";
import type { BuildOptions, CommonOptions, MachineMemory } from "./command_options.ts";
import { helpOutput, wrapText } from "./help_layout.ts";
import { commandHelp } from "./help_texts.ts";
import { parseMemory } from "./option_values.ts";

export function helpBelow(command: CommandName): string {
  return `\n${wrapText(commandHelp[command] ?? "", helpOutput.getOutHelpWidth())}`;
}

type Values = Record<string, unknown>;
/**
 * The types of what is added have names: the compiler takes minutes to write out what Commander infers from flags.
 */
type With<Args extends unknown[], Opts extends Values, More> = Command<Args, Opts & More>;

type ConfigOptions = Pick<CommonOptions, "verbose" | "config">;
type ImageOptions = ConfigOptions & Pick<CommonOptions, "outDir">;

interface ChangeOptions extends Pick<CommonOptions, "yes"> {
  readonly dryRun?: true | undefined;
}

interface PlanOptions extends ChangeOptions {
  readonly diff?: true | undefined;
}

export function addVerbose<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, Pick<CommonOptions, "verbose">> {
  return command.option("--verbose", "print every command that is run") as Command<Args, never>;
}

export function addConfigOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, ConfigOptions> {
  return addVerbose(command)
    .option("--config <file>", 'configuration (default: "config.yaml"; doc/config.md has every key)') as Command<
      Args,
      never
    >;
}

export function addImageOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, ImageOptions> {
  return addConfigOptions(command)
    .option("--out-dir <dir>", 'where kernel, initrd and manifest.json are (default: "build")') as Command<Args, never>;
}

export function addChangeOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, ChangeOptions> {
  return command
    .option("--yes", "answer every question with yes")
    .option("--dry-run", "show everything, change nothing") as Command<Args, never>;
}

export function addPlanOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, PlanOptions> {
  return command
    .option("--yes", "answer every question with yes")
    .option("--dry-run", "print the plan to standard output, one line per step; change nothing")
    .option("--diff", "with --dry-run: print every change in full, too") as Command<Args, never>;
}

export function addBuildOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, BuildOptions> {
  return addImageOptions(command)
    .option("--cache-dir <dir>", 'where unchanged parts are kept (default: "stiefelsystem" in the user\'s cache)')
    .option("--yes", "answer every question with yes")
    .addOption(
      new Option("--agents <form>", "how agents get into the image: compiled, or bundled with one Deno beside them")
        .choices(["auto", "compile", "bundle"] as const),
    )
    .option("--update", "look for newer Debian packages") as Command<Args, never>;
}

export function addMachineOptions<Args extends unknown[], Opts extends Values>(
  command: Command<Args, Opts>,
): With<Args, Opts, BuildOptions & MachineMemory> {
  return addBuildOptions(command)
    .option("--server-memory <MiB>", "memory of the laptop's machine", parseMemory)
    .option("--client-memory <MiB>", "memory of the desktop's machine", parseMemory) as Command<Args, never>;
}
