/** Commander's commands as values. Pure. */

import type { Argument, Command, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { CommandName } from "../grants.ts";
import { stageNames } from "../image/stage.ts";
import type {
  ArgumentDescription,
  CommandDescription,
  OptionDescription,
  ProgramDescription,
  ValueDescription,
} from "../manual/description.ts";
import { commandHelp, exitStatus } from "./help_texts.ts";

export function describeProgram(program: Command): ProgramDescription {
  const commands = program.createHelp().visibleCommands(program).map(describeCommand);
  const names = commands.map(({ name }) => name).filter((name) => name !== "help");
  return {
    name: program.name(),
    description: program.description(),
    options: describeOptions(program),
    commands: commands.map((command) => command.name === "help" ? completeHelp(command, names) : command),
    exitStatus,
  };
}

/** Commander adds the command "help", whose argument is a command. */
function completeHelp(command: CommandDescription, choices: readonly string[]): CommandDescription {
  return { ...command, arguments: command.arguments.map((argument) => ({ ...argument, choices })) };
}

function describeCommand(command: CommandUnknownOpts): CommandDescription {
  const more = commandHelp[command.name() as CommandName];
  return {
    name: command.name(),
    description: command.description(),
    options: describeOptions(command),
    arguments: command.registeredArguments.map(describeArgument),
    ...(more === undefined ? {} : { more }),
  };
}

function describeOptions(command: CommandUnknownOpts): readonly OptionDescription[] {
  return command.createHelp().visibleOptions(command).map(describeOption);
}

function describeOption(option: Option): OptionDescription {
  const { flags, short, long, description, defaultValue } = option;
  const value = describeValue(option);
  return {
    flags,
    ...(short === undefined ? {} : { short }),
    long: long ?? flags,
    ...(value === undefined ? {} : { value }),
    description,
    ...(defaultValue === undefined ? {} : { fallback: String(defaultValue) }),
  };
}

/** Values that the command itself checks, with words of its own. */
const checkedByCommands: ReadonlyMap<string, readonly string[]> = new Map([["stage", stageNames]]);

function describeValue({ flags, required, optional, variadic, argChoices }: Option): ValueDescription | undefined {
  if (!required && !optional) return undefined;
  const name = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(flags)?.[1] ?? "";
  const choices = argChoices ?? checkedByCommands.get(name);
  return { name, isVariadic: variadic, ...(choices === undefined ? {} : { choices }) };
}

function describeArgument(argument: Argument): ArgumentDescription {
  return {
    name: argument.name(),
    isVariadic: argument.variadic,
    isRequired: argument.required,
    description: argument.description,
    ...(argument.argChoices === undefined ? {} : { choices: argument.argChoices }),
  };
}
