/** How a person starts a command of ours. Pure. */

import { quoteCommand } from "./errors.ts";

export interface CommandLineOptions {
  /** The command changes what only root may change. */
  readonly asRoot?: boolean;
  /** Arguments of the command, quoted already. */
  readonly arguments?: string;
}

/** As typed in the project's folder. */
const launcher = "./stiefelsystem";

/** The one form in which messages name a command; `adaptCommands` makes it the one that works where the user is. */
export function commandToType(command: string, options: CommandLineOptions = {}): string {
  const words = options.arguments === undefined || options.arguments === ""
    ? command
    : `${command} ${options.arguments}`;
  return `${options.asRoot ? "sudo " : ""}${launcher} ${words}`;
}

/** Options that say where files and systems are, and the commands that take them. */
export const placeOptions = {
  "--config": [
    ...["init", "create-initrd", "setup-server", "doctor", "boot-entry", "client", "setup-client-usbdrive", "key"],
    ...["demo", "test-qemu", "test-nspawn", "bench"],
  ],
  "--out-dir": [
    ...["create-initrd", "setup-server", "doctor", "setup-client-usbdrive", "key"],
    ...["demo", "test-qemu", "test-nspawn", "bench"],
  ],
  "--root": ["init", "setup-server", "undo-setup", "doctor", "boot-entry"],
  "--cache-dir": ["create-initrd", "demo", "test-qemu", "test-nspawn", "bench"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type PlaceOption = keyof typeof placeOptions;

/** What the user has named, as typed. */
export type GivenPlaces = Readonly<Partial<Record<PlaceOption, string>>>;

/** @param words the command line after the program's name; of an option that is there twice the last one counts */
export function findGivenPlaces(words: readonly string[]): GivenPlaces {
  const given: Partial<Record<PlaceOption, string>> = {};
  for (const [index, word] of words.entries()) {
    if (word === "--") break;
    for (const option of Object.keys(placeOptions) as PlaceOption[]) {
      const value = word === option
        ? words[index + 1]
        : word.startsWith(`${option}=`)
        ? word.slice(option.length + 1)
        : "";
      if (value !== undefined && value !== "") given[option] = value;
    }
  }
  return given;
}

export interface Whereabouts {
  /** The launcher's path, quoted for a shell; undefined in the project's folder. */
  readonly launcher: string | undefined;
  /**
   * Root needs no sudo, which a small system may not even have. A user who has typed sudo needs it for every command:
   * what this one has written is root's.
   */
  readonly shell: "user" | "user-with-sudo" | "root";
  /** Repeated in the commands that take them: what comes next finds the same files. */
  readonly places?: GivenPlaces;
}

/** @param sudoUid SUDO_UID of sudo(8) */
export function whichShell(uid: number | undefined, sudoUid: string | undefined): Whereabouts["shell"] {
  if (uid !== 0) return "user";
  return sudoUid === undefined || sudoUid === "0" ? "root" : "user-with-sudo";
}

const commandPattern = /(sudo )?\.\/stiefelsystem ([a-z-]*)/g;

/** Stands for a blank inside a command: a character for private use, which no message has. */
const tie = "\u{e000}";

/** @param breakText what breaks a text into lines at blanks; those inside the commands of a message are none to it */
export function keepCommandsWhole(
  text: string,
  breakText: (text: string) => readonly string[],
): readonly string[] {
  return breakText(text.replaceAll(commandPattern, (command) => command.replaceAll(" ", tie)))
    .map((line) => line.replaceAll(tie, " "));
}

/** Makes the commands in a message those that can be typed here and now. */
export function adaptCommands(text: string, { launcher: path, shell, places = {} }: Whereabouts): string {
  return text.replaceAll(
    commandPattern,
    (_, sudo: string | undefined, command: string) => {
      const words = Object.entries(places).flatMap(([option, value]) =>
        placeOptions[option as PlaceOption].some((name) => name === command) ? [option, value] : []
      );
      const prefix = shell === "root" ? "" : shell === "user-with-sudo" ? "sudo " : sudo ?? "";
      return [
        `${prefix}${path ?? launcher} ${command}`,
        ...words.length > 0 ? [quoteCommand(words)] : [],
      ]
        .join(" ");
    },
  );
}
