/**
 * GRUB's environment block, `grubenv`: what the menu remembers between boots. Pure. Source: GRUB,
 * grub-core/lib/envblk.c.
 */

/** First line of the file; GRUB manual, "The GRUB environment block". */
const signature = "# GRUB Environment Block";

/** @returns variables by name; undefined when the text is not an environment block */
export function parseGrubEnvironment(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.startsWith(signature)) return undefined;
  const variables = new Map<string, string>();
  // A backslash takes the next character as it is, a line end included; the rest of the block is filled up with "#".
  for (const [line] of text.matchAll(/(?:[^\\\n]|\\[\s\S])+/g)) {
    const at = line.indexOf("=");
    if (line.startsWith("#") || at < 1) continue;
    variables.set(line.slice(0, at), line.slice(at + 1).replaceAll(/\\([\s\S])/g, "$1"));
  }
  return variables;
}
