/** Talk is readable on a terminal of 80 columns. Pure. */

import { keepCommandsWhole } from "./command_to_type.ts";

const defaultColumns = 80;

/**
 * A command of ours stays in one line: it is copied, and `adaptCommands` has to find it.
 * @param indent blanks before the second and later lines; a word that is longer than a line is left whole
 * @param columns of the terminal; a wide one is not filled
 */
export function wrapLine(line: string, indent: number, columns = defaultColumns): readonly string[] {
  return keepCommandsWhole(line, (text) => breakLine(text, indent, columns));
}

function breakLine(line: string, indent: number, columns: number): readonly string[] {
  const width = Math.min(columns, defaultColumns);
  const lines: string[] = [];
  for (let rest = line;;) {
    if (rest.length <= width) return [...lines, rest];
    const fitting = rest.lastIndexOf(" ", width);
    const end = fitting > indent ? fitting : rest.indexOf(" ", Math.max(width, indent + 1));
    if (end < 0) return [...lines, rest];
    lines.push(rest.slice(0, end));
    rest = `${" ".repeat(indent)}${rest.slice(end + 1)}`;
  }
}
