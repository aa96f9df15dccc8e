/**
 * From words of a script to arguments, and from arguments to a kernel command line. Pure. Source: GRUB,
 * grub-core/script/execute.c, argv.c.
 */

import type { Word } from "./grub_tokens.ts";

/** What a script's words are replaced with. */
export interface Values {
  /** Empty for a variable that is not set. */
  variable(name: string): string;
  /** Parameters of the function, entry or submenu that is running. */
  readonly parameters: readonly string[];
}

/** One word becomes none (an empty variable), one, or several (an unquoted variable with blanks, "$@"). */
export function expandWords(words: readonly Word[], values: Values): readonly string[] {
  const done = new ArgumentList();
  for (const word of words) {
    done.begin();
    for (const part of word) {
      if (part.kind === "text") {
        if (part.text !== "" || part.isQuoted) done.append(part.text);
      } else if (part.name === "@" || part.name === "*") {
        values.parameters.forEach((parameter, index) => {
          if (index > 0 && part.isQuoted && part.name === "*") done.append(" ");
          else if (index > 0) done.begin();
          if (part.isQuoted) done.append(parameter);
          else done.appendSplit(parameter);
        });
      } else {
        const value = values.variable(part.name);
        if (!part.isQuoted) done.appendSplit(value);
        else if (value !== "") done.append(value);
      }
    }
  }
  return done.words;
}

/** Arguments while they grow. One without any text is dropped. */
class ArgumentList {
  readonly #words: (string | undefined)[] = [];

  get words(): readonly string[] {
    return this.#words.filter((word) => word !== undefined);
  }

  begin(): void {
    if (this.#words.length === 0 || this.#words.at(-1) !== undefined) this.#words.push(undefined);
  }

  append(text: string): void {
    this.#words[this.#words.length - 1] = (this.#words.at(-1) ?? "") + text;
  }

  /** As GRUB does: blanks at either end separate nothing. */
  appendSplit(text: string): void {
    text.split(/[ \t\n\r]+/).filter(Boolean).forEach((piece, index) => {
      if (index > 0) this.begin();
      this.append(piece);
    });
  }
}

/**
 * As GRUB hands arguments to Linux: one blank between them, those with a blank in double quotes; "\x20" is left alone,
 * as Fedora's does.
 */
export function formatArguments(args: readonly string[]): string {
  return args.map((arg) => {
    const escaped = arg.replaceAll(/\\x[0-9A-Fa-f]{2}|[\\'"]/g, (found) => found.length > 1 ? found : `\\${found}`);
    return arg.includes(" ") ? `"${escaped}"` : escaped;
  }).join(" ");
}
