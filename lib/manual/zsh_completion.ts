/** Completion for zsh, by its own `_arguments`. What is typed is never part of a specification. Pure. */
import {
  type ArgumentDescription,
  type CommandDescription,
  offerFor,
  type OptionDescription,
  type ProgramDescription,
  type ValueDescription,
} from "./description.ts";

export function formatZshCompletion({ name, options, commands }: ProgramDescription): string {
  return [
    `#compdef ${name}`,
    `# zsh completion for ${name}; written by "deno task manual".`,
    "",
    "# _files would run what stands in $( ) or backquotes, unless a backslash stands before them.",
    `_${name}_files() {`,
    "  if [[ ${PREFIX//\\\\?/} == *['$`']* ]]; then return 1; fi",
    '  _files "$@"',
    "}",
    "",
    `_${name}() {`,
    "  local context state state_descr line ret=1",
    "  typeset -A opt_args",
    "  local -a commands",
    "  commands=(",
    ...commands.map((command) => `    ${quote(`${command.name}:${command.description}`)}`),
    "  )",
    "  _arguments -C \\",
    ...options.flatMap((option) => optionSpecs(name, option)).map((spec) => `    ${spec} \\`),
    "    '1: :->command' '*:: :->words' && ret=0",
    "  case $state in",
    `  command) _describe -t commands ${quote("command")} commands && ret=0 ;;`,
    "  words)",
    "    case $words[1] in",
    ...commands.flatMap((command) => commandLines(name, command)),
    "    esac ;;",
    "  esac",
    "  return ret",
    "}",
    "",
    `if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi`,
    "",
  ].join("\n");
}

function commandLines(program: string, command: CommandDescription): readonly string[] {
  const specs = [
    ...command.options.flatMap((option) => optionSpecs(program, option)),
    ...command.arguments.map((argument, index) => argumentSpec(program, argument, index)),
  ];
  return [
    `    ${command.name})`,
    "      _arguments \\",
    ...specs.map((spec) => `        ${spec} \\`),
    "        && ret=0 ;;",
  ];
}

function optionSpecs(program: string, { short, long, value, description }: OptionDescription): readonly string[] {
  const text = `[${description.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  const repeated = value?.isVariadic ? "*" : "";
  return [
    quote(
      `${repeated}${long}${value === undefined ? "" : "="}${text}${value === undefined ? "" : action(program, value)}`,
    ),
    ...short === undefined ? [] : [quote(`${short}${text}`)],
  ];
}

function argumentSpec(program: string, argument: ArgumentDescription, index: number): string {
  if (argument.isVariadic) return quote(`*${action(program, argument)}`);
  return quote(`${index + 1}${argument.isRequired ? "" : ":"}${action(program, argument)}`);
}

/** ":message:action"; a blank as action offers nothing and shows the message. */
function action(program: string, value: ValueDescription): string {
  const offer = offerFor(value);
  switch (offer.kind) {
    case "choices":
      return `:${value.name}:(${offer.choices.join(" ")})`;
    case "files":
      return `:${value.name}:_${program}_files`;
    case "directories":
      return `:${value.name}:_${program}_files -/`;
    case "nothing":
      return `:${value.name}: `;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
