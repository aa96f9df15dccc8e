/** How a person starts a command of ours. Pure. */

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

export interface Whereabouts {
  /** The launcher's path, quoted for a shell; undefined in the project's folder. */
  readonly launcher: string | undefined;
  /** Root needs no sudo, which a small system may not even have. */
  readonly isRoot: boolean;
}

/** Makes the commands in a message those that can be typed here and now. */
export function adaptCommands(text: string, { launcher: path, isRoot }: Whereabouts): string {
  return text.replaceAll(
    /(sudo )?\.\/stiefelsystem(?= )/g,
    (_, sudo: string | undefined) => `${isRoot ? "" : sudo ?? ""}${path ?? launcher}`,
  );
}
