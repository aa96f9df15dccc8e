/** os-release(5), which says what a system is called. Pure. */

/** The shell-like assignments of os-release(5): optional quotes, backslash escapes within double ones. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    fields.set(name, unquote(value));
  }
  return fields;
}

function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1);
  const inner = /^".*"$/.test(value) ? value.slice(1, -1) : value;
  return inner.replaceAll(/\\([\\"$`'])/g, "$1");
}
