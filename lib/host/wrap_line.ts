/** Talk is readable on a terminal of 80 columns. Pure. */

const defaultColumns = 80;

/**
 * @param indent blanks before the second and later lines; a word that is longer than a line is left whole
 * @param columns of the terminal; a wide one is not filled
 */
export function wrapLine(line: string, indent: number, columns = defaultColumns): readonly string[] {
  const width = Math.min(columns, defaultColumns);
  const lines: string[] = [];
  for (let rest = line;;) {
    const end = rest.length <= width ? -1 : rest.lastIndexOf(" ", width);
    if (end <= indent) return [...lines, rest];
    lines.push(rest.slice(0, end));
    rest = `${" ".repeat(indent)}${rest.slice(end + 1)}`;
  }
}
