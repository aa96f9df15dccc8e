/** Completion for fish. Conditions and values are written here; what is typed is only compared. Pure. */
import {
  type ArgumentDescription,
  type CommandDescription,
  offerFor,
  type OptionDescription,
  type ProgramDescription,
  type ValueDescription,
} from "./description.ts";

export function formatFishCompletion({ name, options, commands }: ProgramDescription): string {
  const complete = (...parts: readonly string[]): string => ["complete", "-c", name, ...parts].join(" ");
  const within = (command: string): readonly string[] => ["-n", quote(`__${name}_command ${command}`.trimEnd())];
  return [
    `# fish completion for ${name}; written by "deno task manual".`,
    "",
    "# Whether the command that was typed is $argv; without one: whether none was typed yet.",
    `function __${name}_command`,
    "    set -l words (commandline -opc)",
    "    for word in $words[2..-1]",
    "        string match -q -- '-*' $word; and continue",
    '        test "$word" = "$argv"',
    "        return",
    "    end",
    '    test -z "$argv"',
    "end",
    "",
    complete("-f"),
    ...options.map((option) => complete(...within(""), ...optionWords(option))),
    ...commands.map((command) => complete(...within(""), "-a", command.name, "-d", quote(command.description))),
    ...commands.flatMap((command: CommandDescription) => [
      "",
      ...command.options.map((option) => complete(...within(command.name), ...optionWords(option))),
      ...command.arguments.map((argument) => complete(...within(command.name), ...argumentWords(argument))),
    ]),
    "",
  ].join("\n");
}

function optionWords({ short, long, value, description }: OptionDescription): readonly string[] {
  return [
    ...short === undefined ? [] : ["-s", short.slice(1)],
    ...["-l", long.slice(2)],
    ...value === undefined ? [] : valueWords(value),
    ...["-d", quote(description)],
  ];
}

function argumentWords(argument: ArgumentDescription): readonly string[] {
  const offer = offerFor(argument);
  return offer.kind === "choices"
    ? ["-a", quote(offer.choices.join(" ")), "-d", quote(argument.description)]
    : offer.kind === "files"
    ? ["-F"]
    : [];
}

function valueWords(value: ValueDescription): readonly string[] {
  const offer = offerFor(value);
  switch (offer.kind) {
    case "choices":
      return ["-x", "-a", quote(offer.choices.join(" "))];
    case "files":
      return ["-r", "-F"];
    case "directories":
      return ["-x", "-a", quote("(__fish_complete_directories)")];
    case "nothing":
      return ["-x"];
  }
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
