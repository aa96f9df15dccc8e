/** stiefelsystem(1) and a page for each command. Pure. */
import type { ArgumentDescription, CommandDescription, OptionDescription, ProgramDescription } from "./description.ts";
import { type ManualPage, type PageEdition, pages } from "./pages.ts";
import { bold, formatPage, italic, paragraphs, prose, section, seeAlso, tagged } from "./roff.ts";

/** Files that a person meets. */
const files: readonly (readonly [path: string, meaning: string])[] = [
  ["config.yaml", "The configuration, stiefelsystem.yaml(5). Without it everything is at its default."],
  ["aes-key", "The shared key, made with the first image. Everyone who has it can boot from the laptop."],
  ["aes-keys/", "Keys of other laptops, for sticks that start a desktop from several: `key import --laptop NAME`."],
  ["build/", "`kernel`, `initrd` and `manifest.json`, as `create-initrd` makes them."],
  ["~/.cache/stiefelsystem", "Stages of the image and downloaded packages, of the user who builds."],
];

export function formatProgramPage(program: ProgramDescription, edition: PageEdition): string {
  const { name, description, options, exitStatus } = program;
  return formatPage({ name, section: 1, purpose: clause(description), ...edition }, [
    ...section("SYNOPSIS", [
      `${bold(name)} ${italic("COMMAND")} [${italic("OPTIONS")}]`,
      ".br",
      `${bold(name)} -h | -V`,
    ]),
    ...section("DESCRIPTION", [
      ...prose(description),
      ...prose(
        "The laptop's installed Linux runs on the desktop's processor, graphics and memory; every block is read from and " +
          "written to the laptop's disk. When the desktop shuts down, the laptop starts its own system again.",
      ),
      ".PP",
      ...prose(
        "On the laptop, in this order: `init`, `create-initrd`, `setup-server`, `setup-client-usbdrive`, `doctor`.",
      ),
    ]),
    ...section("COMMANDS", realCommands(program).flatMap((command) => tagged(bold(command.name), command.description))),
    ...section("OPTIONS", options.flatMap(optionLines)),
    ...section("EXIT STATUS", prose(exitStatus.replace(/^Exit status: /, ""))),
    ...section("FILES", files.flatMap(([path, meaning]) => tagged(italic(path), meaning))),
    ...seeAlso(pages(program).filter((page) => page.name !== name)),
  ]);
}

export function formatCommandPages(program: ProgramDescription, edition: PageEdition): readonly ManualPage[] {
  return realCommands(program).map((command) => {
    const name = `${program.name}-${command.name}`;
    const text = formatPage({ name, section: 1, purpose: clause(command.description), ...edition }, [
      ...section("SYNOPSIS", [
        [bold(`${program.name} ${command.name}`), `[${italic("OPTIONS")}]`, ...command.arguments.map(argumentWord)]
          .join(" "),
      ]),
      ...section("DESCRIPTION", prose(command.description)),
      ...section("ARGUMENTS", command.arguments.flatMap(argumentLines)),
      ...section("OPTIONS", command.options.flatMap(optionLines)),
      ...section(
        "NOTES",
        command.more === undefined ? [] : paragraphs(command.more.replaceAll("./stiefelsystem", program.name)),
      ),
      // A command that ends in other ways says so in its notes.
      ...section(
        "EXIT STATUS",
        command.more?.includes("Exit status:") ? [] : prose(program.exitStatus.replace(/^Exit status: /, "")),
      ),
      ...seeAlso(pages(program).filter((page) => page.name === program.name || page.section !== 1)),
    ]);
    return { name, section: 1, text };
  });
}

function realCommands({ commands }: ProgramDescription): readonly CommandDescription[] {
  return commands.filter(({ name }) => name !== "help");
}

/** The first sentence without its full stop, as apropos(1) shows it. */
function clause(description: string): string {
  return description.split(/\.(?: |$)/)[0] ?? description;
}

function argumentWord({ name, isRequired, isVariadic }: ArgumentDescription): string {
  const word = italic(name.toUpperCase()) + (isVariadic ? "..." : "");
  return isRequired ? word : `[${word}]`;
}

function argumentLines(argument: ArgumentDescription): readonly string[] {
  return tagged(argumentWord(argument), argument.description + listChoices(argument.choices));
}

function optionLines({ short, long, value, description, fallback }: OptionDescription): readonly string[] {
  const names = [...short === undefined ? [] : [bold(short)], bold(long)].join(", ");
  const tag = value === undefined ? names : `${names} ${italic(value.name)}${value.isVariadic ? "..." : ""}`;
  return tagged(
    tag,
    description + listChoices(value?.choices) + (fallback === undefined ? "" : ` (default: ${fallback})`),
  );
}

function listChoices(choices: readonly string[] | undefined): string {
  return choices === undefined ? "" : `: ${choices.join(", ")}`;
}
