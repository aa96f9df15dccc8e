/** Talk is readable on a terminal of 80 columns. Pure. */

const columns = 80;

/** @param indent blanks before the second and later lines; a word that is longer than a line is left whole */
export function wrapLine(line: string, indent: number): readonly string[] {
  const lines: string[] = [];
  for (let rest = line;;) {
    const end = rest.length <= columns ? -1 : rest.lastIndexOf(" ", columns);
    if (end <= indent) return [...lines, rest];
    lines.push(rest.slice(0, end));
    rest = `${" ".repeat(indent)}${rest.slice(end + 1)}`;
  }
}
