/**
 * One calm page on a screen: facts above, what happened lately below them, drawn in place. What has not changed is not
 * written again, so nothing flickers, and what is kept is bounded. Pure.
 */
import { wrapLine } from "../../lib/wrap_line.ts";

export interface PageRow {
  /** Absent: a sentence over the whole width. */
  readonly label?: string;
  readonly text: string;
  /** A heading is bold, an alarm reversed. */
  readonly weight?: "heading" | "alarm";
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenLine {
  readonly text: string;
  readonly weight?: PageRow["weight"];
}

/** What a console has that says nothing of itself. */
export const usualSize: ScreenSize = { columns: 80, rows: 25 };

const labelColumns = 14;
/** Where a label takes more than a third of the width, the text stands below it. */
const narrowColumns = 36;

/**
 * @param lately oldest first
 * @returns one line for each row of the screen but the last, which is the cursor's
 */
export function layOutPage(
  rows: readonly PageRow[],
  lately: readonly string[],
  { columns, rows: height }: ScreenSize,
): readonly ScreenLine[] {
  const room = Math.max(1, height - 1);
  const page = rows.flatMap((row) => layOutRow(row, columns));
  const left = room - page.length - 1;
  const news = lately.flatMap((line) => cut(line, 2, columns)).map((text) => ({ text }));
  const lines = left < 1 ? page : [...page, { text: "" }, ...news.slice(-left)];
  return Array.from({ length: room }, (_, index) => lines[index] ?? { text: "" });
}

function layOutRow({ label, text, weight }: PageRow, columns: number): readonly ScreenLine[] {
  const isNarrow = columns < narrowColumns;
  const indent = label === undefined ? 0 : isNarrow ? 2 : labelColumns;
  const start = label === undefined ? "" : isNarrow ? "  " : label.padEnd(labelColumns);
  const below = label !== undefined && isNarrow ? cut(label, 0, columns) : [];
  return [...below, ...cut(`${start}${text}`, indent, columns)]
    .map((line) => ({ text: line, ...weight === undefined ? {} : { weight } }));
}

/** Between words; a word that is longer than a line anywhere. */
function cut(line: string, indent: number, columns: number): readonly string[] {
  const shown = showable(line);
  return wrapLine(shown, indent, columns).flatMap((part) => {
    const pieces = [part.slice(0, columns)];
    const width = Math.max(1, columns - indent);
    for (let at = columns; at < part.length; at += width) {
      pieces.push(`${" ".repeat(Math.min(indent, columns - 1))}${part.slice(at, at + width)}`);
    }
    return pieces;
  });
}

/** What takes one column each, and moves nothing. The console has no more than these letters in its font anyway. */
function showable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\xa0-\xac\xae-\u02af\u0391-\u03c9\u0410-\u044f]/g, "?");
}

/**
 * Escape sequences (console_codes(4)) that make of what is shown what shall be shown; the cursor ends in the last row.
 * @param shown undefined: nothing is known of the screen
 */
export function drawChanges(shown: readonly ScreenLine[] | undefined, lines: readonly ScreenLine[]): string {
  const changed = lines.map((line, index) => {
    const before = shown?.[index];
    if (before !== undefined && before.text === line.text && before.weight === line.weight) return "";
    return `${moveTo(index + 1)}${emphasize(line)}\x1b[K`;
  }).join("");
  if (changed === "") return "";
  return `${changed}${moveTo(lines.length + 1)}${shown === undefined ? "\x1b[J" : ""}`;
}

/** An empty screen, with the cursor in its first row. */
export const clearScreen = "\x1b[H\x1b[J";

function moveTo(row: number): string {
  return `\x1b[${row};1H`;
}

function emphasize({ text, weight }: ScreenLine): string {
  if (weight === undefined) return text;
  return `\x1b[${weight === "heading" ? 1 : 7}m${text}\x1b[0m`;
}
