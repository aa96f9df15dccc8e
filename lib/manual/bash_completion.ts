/**
 * Completion for bash. Typed words are compared, never expanded: no `eval`, no `compgen -W`; names of files are
 * completed by readline itself. Pure.
 */
import {
  type ArgumentDescription,
  type CommandDescription,
  type Offer,
  offerFor,
  type OptionDescription,
  type ProgramDescription,
} from "./description.ts";

export function formatBashCompletion({ name, options, commands }: ProgramDescription): string {
  return [
    "# shellcheck shell=bash",
    `# bash completion for ${name}; written by "deno task manual".`,
    "",
    "# Those of the words $1 that start with $2.",
    `_${name}_offer() {`,
    "    local word IFS=$' \\t\\n'",
    "    for word in $1; do",
    '        if [[ $word == "$2"* ]]; then COMPREPLY+=("$word"); fi',
    "    done",
    "}",
    "",
    `_${name}() {`,
    "    local word command='' skip='' options='' valued='' i count=0",
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "    COMPREPLY=()",
    '    # Readline cuts words at "=": --config=file is three of them.',
    "    if [[ $current == = ]]; then current=''",
    "    elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "    for ((i = 1; i < COMP_CWORD; i++)); do",
    "        if [[ ${COMP_WORDS[i]} != -* ]]; then command=${COMP_WORDS[i]}; break; fi",
    "    done",
    "    case $command in",
    ...commands.map((command) =>
      `    ${command.name}) options='${words(command.options)}' valued=' ${words(valued(command.options))} ' ;;`
    ),
    `    '') options='${commands.map((command) => command.name).join(" ")} ${words(options)}' ;;`,
    "    *) return ;;",
    "    esac",
    "    # How many arguments stand before this one.",
    "    for ((i++; i < COMP_CWORD; i++)); do",
    "        word=${COMP_WORDS[i]}",
    '        if [[ $word == "=" ]]; then skip=yes',
    "        elif [[ -n $skip ]]; then skip=''",
    '        elif [[ $word == -* ]]; then if [[ $valued == *" $word "* ]]; then skip=yes; fi',
    "        else count=$((count + 1)); fi",
    "    done",
    "    case $command:$previous in",
    ...commands.flatMap((command) => valued(command.options).map((option) => valueLine(name, command, option))),
    "    esac",
    "    if [[ $current != -* ]]; then",
    "        case $command:$count in",
    ...commands.flatMap((command) =>
      command.arguments.map((argument, index) => argumentLine(name, command, { argument, index }))
    ),
    "        esac",
    "    fi",
    `    _${name}_offer "$options" "$current"`,
    "}",
    "",
    `complete -F _${name} ${name}`,
    "",
  ].join("\n");
}

function words(options: readonly OptionDescription[]): string {
  return options.map(({ long }) => long).join(" ");
}

function valued(options: readonly OptionDescription[]): readonly OptionDescription[] {
  return options.filter(({ value }) => value !== undefined);
}

function valueLine(program: string, { name }: CommandDescription, { long, value }: OptionDescription): string {
  return value === undefined ? "" : `    ${name}:${long}) ${answer(program, offerFor(value))} ;;`;
}

function argumentLine(
  program: string,
  { name }: CommandDescription,
  { argument, index }: { readonly argument: ArgumentDescription; readonly index: number },
): string {
  return `        ${name}:${argument.isVariadic ? "*" : index}) ${answer(program, offerFor(argument))} ;;`;
}

function answer(program: string, offer: Offer): string {
  switch (offer.kind) {
    case "choices":
      return `_${program}_offer '${offer.choices.join(" ")}' "$current"; return`;
    case "files":
      return "compopt -o default; return";
    case "directories":
      return "compopt -o dirnames; return";
    case "nothing":
      return "return";
  }
}
