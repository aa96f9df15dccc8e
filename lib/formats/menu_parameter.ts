/** A kernel parameter in the menu of a boot loader, written by us: on a stick or for a start over the network. Pure. */
import { ExitCode, UserError } from "../errors.ts";

/** Whether each boot loader takes it as it is: nothing that one of them expands, splits or quotes. */
export function isMenuParameter(text: string): boolean {
  return /^[\w.,:=/@%+-]{1,256}$/.test(text);
}

/**
 * @param describe the message for one that cannot be in it
 * @throws {UserError} for the first one that a menu cannot hold
 */
export function demandMenuParameters(parameters: readonly string[], describe: (bad: string) => string): void {
  const bad = parameters.find((parameter) => !isMenuParameter(parameter));
  if (bad === undefined) return;
  throw new UserError(describe(bad), {
    hints: ["Letters, digits and . _ , : = / @ % + - only; each parameter is a word of its own"],
    exitCode: ExitCode.usage,
  });
}
