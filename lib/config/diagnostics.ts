/** What is wrong with a configuration file, and where. */

import { ExitCode, UserError } from "../errors.ts";
import { formatExcerpt } from "./excerpt.ts";

/** A place in the file, both counted from 1, columns in UTF-16 units as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Diagnostic extends Position {
  /** A file with errors is not used; warnings are shown and forgotten. */
  readonly level: "error" | "warning";
  /** Dotted path of the key, as in "boot.part.block" or "modules[2]"; absent when the file as a whole is meant. */
  readonly key?: string;
  readonly found: string;
  readonly wanted: string;
}

/** More lines would not help the reader. */
const MAX_LINES = 100;

/** So many mistakes are shown with the line they are in. */
const MAX_EXCERPTS = 20;

export interface ConfigErrorOptions {
  readonly fileName: string;
  /** The whole file, to show lines of it. */
  readonly text: string;
  /** Further steps for the user. */
  readonly hints?: readonly string[];
}

/** A configuration that cannot be used. The message holds every diagnostic, with the line of the file; exit code 2. */
export class ConfigError extends UserError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], { fileName, text, hints = [] }: ConfigErrorOptions) {
    const errors = diagnostics.filter((diagnostic) => diagnostic.level === "error").length;
    const title = `The configuration "${fileName}" has ${errors === 1 ? "an error" : `${errors} errors`}`;
    const lines = diagnostics.slice(0, MAX_LINES).flatMap((diagnostic, index) => [
      formatDiagnostic(diagnostic, fileName),
      ...index < MAX_EXCERPTS && diagnostic.level === "error" ? formatExcerpt(text, diagnostic) : [],
    ]);
    if (diagnostics.length > MAX_LINES) lines.push(`(${diagnostics.length - MAX_LINES} more)`);
    super([title, ...lines].join("\n"), {
      exitCode: ExitCode.usage,
      hints: [...hints, "Every key is explained in doc/config.md and shown in config-example.yaml"],
    });
    this.diagnostics = diagnostics;
  }
}

/**
 * @param options `isLabelled`: what shows the line has the word "warning" in front already
 * @returns one line, "FILE:LINE:COLUMN: KEY: found …, wanted …", as editors and terminals link it
 */
export function formatDiagnostic(
  diagnostic: Diagnostic,
  fileName: string,
  { isLabelled = false }: { readonly isLabelled?: boolean } = {},
): string {
  const place = `${fileName}:${diagnostic.line}:${diagnostic.column}`;
  const level = diagnostic.level === "warning" && !isLabelled ? "warning: " : "";
  const key = diagnostic.key === undefined ? "" : `${diagnostic.key}: `;
  return `${place}: ${level}${key}found ${diagnostic.found}, wanted ${diagnostic.wanted}`;
}

/** Orders by place in the file; an error comes before a warning at the same place. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return a.line - b.line || a.column - b.column || a.level.localeCompare(b.level);
}

/** Text of the file between quotes on one line, shortened, with whatever does not print escaped. */
export function quoteText(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  // JSON leaves C1 controls and bidirectional marks as they are; those could repaint a terminal.
  return JSON.stringify(short).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
