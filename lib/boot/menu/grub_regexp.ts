/** GRUB's `regexp`: POSIX extended regular expressions. Pure. */

/** Longer patterns and texts are no part of a boot menu. */
const maximumLength = 512;

/**
 * @returns what matched as a whole and in each group; undefined when nothing did, or the pattern is one that could
 *   take
 *   for ever
 */
export function matchRegexp(pattern: string, text: string): readonly (string | undefined)[] | undefined {
  if (pattern.length > maximumLength || text.length > maximumLength) return undefined;
  // A repeated group that repeats something inside makes the search exponential.
  if (/[*+}][^()]*\)[*+{]|\)\)[*+{]/.test(pattern)) return undefined;
  // In a bracket a backslash is a character like any other, and "[:alpha:]" a class.
  const source = pattern.replaceAll(
    /\[\^?\]?(?:\[:\w+:\]|[^\]])*\]/g,
    (set) =>
      set.replaceAll("\\", "\\\\").replace(/^(\[\^?)\]/, "$1\\]").replaceAll(
        /\[:(\w+):\]/g,
        (_, name: string) => Object.hasOwn(classes, name) ? classes[name] ?? "" : "",
      ),
  );
  try {
    return new RegExp(source).exec(text) ?? undefined;
  } catch {
    return undefined;
  }
}

const classes: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "A-Za-z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: " \\t\\n\\r\\f\\v",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  xdigit: "0-9A-Fa-f",
};
