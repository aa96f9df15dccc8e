/** The command line tool. Its commands and their options stand in `definitions/`, their work in `commands/`. */

import { Command } from "@commander-js/extra-typings";
import { ExitCode, UserError } from "../errors.ts";
import type { ProgramDescription } from "../manual/description.ts";
import { version } from "../version.ts";
import type { ProgramContext } from "./command_options.ts";
import { createCommandStart } from "./command_start.ts";
import { defineDesktopCommands } from "./definitions/desktop.ts";
import { defineImageCommands } from "./definitions/image.ts";
import { defineLaptopCommands } from "./definitions/laptop.ts";
import { defineMachinesCommands } from "./definitions/machines.ts";
import { defineStickCommands } from "./definitions/stick.ts";
import { describeProgram } from "./describe_program.ts";
import { helpLayout, helpOutput, wrapText } from "./help_layout.ts";
import { exitStatus } from "./help_texts.ts";

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

/** Options for which an empty value has a meaning: none of it. By command. */
const emptyMeansNone: ReadonlyMap<string, readonly string[]> = new Map([["setup-client-usbdrive", ["laptop"]]]);

/**
 * A variable that a script has not set must not stand for the running system, or for the folder one is in.
 * @throws {UserError}
 */
function demandFilled(command: string, options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== "" && !(Array.isArray(value) && value.includes(""))) continue;
    if (emptyMeansNone.get(command)?.includes(name)) continue;
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UserError(`"${option}" is empty`, { exitCode: ExitCode.usage });
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

function buildProgram(context: ProgramContext): Command {
  const program = new Command("stiefelsystem")
    .description("Use a laptop as the bootable disk of a stronger computer, over a network cable.")
    .version(version)
    .configureHelp(helpLayout)
    .configureOutput(helpOutput)
    .exitOverride()
    .showHelpAfterError('("--help" shows what is possible)')
    .addHelpText("after", () => `\n${wrapText(exitStatus, helpOutput.getOutHelpWidth())}`)
    .hook("preAction", (_, command) => demandFilled(command.name(), command.opts()));
  const from = createCommandStart(context);
  defineImageCommands(program, from);
  defineLaptopCommands(program, from);
  defineDesktopCommands(program, from);
  defineStickCommands(program, from);
  defineMachinesCommands(program, from);
  return program;
}
