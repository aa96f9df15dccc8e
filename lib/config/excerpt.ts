/** The line of a file that is meant, with a caret below the place. Pure. */

import { nearestName } from "./nearest_name.ts";

/** So much of a line is shown, around the place. */
const maximumWidth = 100;

/**
 * @returns two lines, or none where there is nothing to show, or where the line may hold a password
 */
export function formatExcerpt(
  text: string,
  { line, column }: { readonly line: number; readonly column: number },
): readonly string[] {
  const content = splitLines(text)[line - 1];
  if (content === undefined || content.trim() === "" || mayHoldPassword(text, line)) return [];
  const start = Math.max(0, Math.min(column - 1 - maximumWidth / 2, content.length - maximumWidth));
  const cut = content.slice(start, start + maximumWidth);
  const shown = `${start > 0 ? "…" : ""}${showCharacters(cut)}${start + maximumWidth < content.length ? "…" : ""}`;
  const caret = showCharacters(content.slice(start, column - 1)).length + (start > 0 ? 1 : 0);
  const label = `  ${line} | `;
  return [`${label}${shown}`.trimEnd(), `${" ".repeat(label.length - 2)}| ${" ".repeat(caret)}^`];
}

/** One character for each that prints; for others what cannot repaint a terminal. */
function showCharacters(text: string): string {
  // deno-lint-ignore no-control-regex -- that is what is replaced
  return text.replaceAll("\t", "→").replace(/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "·");
}

const splitLines = (text: string): readonly string[] => text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);

/** Whether a line must not be shown: a password in it, or in lines below its key. @param line counted from 1 */
export function mayHoldPassword(text: string, line: number): boolean {
  const lines = splitLines(text);
  const index = line - 1;
  const indentOf = (line: string): number => line.length - line.trimStart().length;
  for (let at = index, indent = Infinity; at >= 0; at--) {
    const line = lines[at] ?? "";
    if (line.trim() === "" || (at !== index && indentOf(line) >= indent)) continue;
    if (/passw/i.test(line) || namesIn(line).some((name) => nearestName(name, ["password"]) !== undefined)) return true;
    indent = indentOf(line);
    if (indent === 0) return false;
  }
  return false;
}

/** What stands before colons: also a mistyped "password". */
function namesIn(line: string): readonly string[] {
  return [...line.slice(0, 1000).matchAll(/([\w-]{1,40})["']?\s{0,9}:/g)].map(([, name = ""]) => name);
}
