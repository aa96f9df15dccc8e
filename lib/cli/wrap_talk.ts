/** Breaks warnings and errors between words, as a terminal does not. Pure. */

import { wrapLine } from "../wrap_line.ts";

/** What follows a colon at the end of a hint may be a command, to be copied in one piece: no sentence with a comma. */
const pasted = /(?<=: )[a-z~./][^,;]*$/;
/** Stands for a blank in it: a character for private use, which no message has. */
const tie = "\u{e001}";

/** @param text an excerpt of a file, or output of a program, which is indented, stays as it is; so do commands */
export function wrapTalk(text: string, columns: number): readonly string[] {
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("  Hint: ")) {
      const tied = line.replace(pasted, (command) => command.replaceAll(" ", tie));
      return wrapLine(tied, 8, columns).map((part) => part.replaceAll(tie, " "));
    }
    return line.startsWith(" ") ? [line] : wrapLine(line, 4, columns);
  });
}
