/** Shell-like patterns for paths inside the image. Pure. */

/**
 * A test for paths: `*` is anything within one path component, `**` anything at all, `?` one character; the rest is
 * literal. A pattern also matches everything below what it names.
 * @param patterns relative to the image's root; a leading "/" is allowed
 */
export function compileGlobs(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const alternatives = patterns.map((pattern) => globToSource(pattern.replace(/^\/+|\/+$/g, "")));
  const expression = new RegExp(`^(?:${alternatives.join("|")})(?:/|$)`);
  return (path) => expression.test(path);
}

function globToSource(pattern: string): string {
  return pattern.replaceAll(/\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : `\\${part}`;
  });
}
