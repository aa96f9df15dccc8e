/** From words of a script to arguments, and from arguments to a kernel command line. Pure. */

import type { Word } from "./grub_script.ts";

/** One word becomes none (an empty variable), one, or several (an unquoted variable with blanks). */
export function expandWord(word: Word, valueOf: (name: string) => string): readonly string[] {
  const done: string[] = [];
  let current: string | undefined;
  for (const part of word) {
    if (part.kind === "text") {
      current = (current ?? "") + part.text;
    } else if (part.isQuoted) {
      current = (current ?? "") + valueOf(part.name);
    } else {
      const value = valueOf(part.name);
      const pieces = value.split(/[ \t\n]+/);
      pieces.forEach((piece, index) => {
        if (index > 0 && current !== undefined) {
          done.push(current);
          current = undefined;
        }
        if (piece !== "") current = (current ?? "") + piece;
      });
    }
  }
  return current === undefined ? done : [...done, current];
}

/** `(hd0,gpt2)/vmlinuz` -> `/vmlinuz`: the device is the partition we read. */
export function onPartition(path: string): string {
  return path.replace(/^\([^)]*\)/, "");
}

/** As GRUB hands arguments to Linux: one blank between them, those with a blank in double quotes; "\x20" is left alone, as Fedora's does. */
export function formatArguments(args: readonly string[]): string {
  return args.map((arg) => {
    const escaped = arg.replaceAll(/\\x[0-9A-Fa-f]{2}|[\\'"]/g, (found) => found.length > 1 ? found : `\\${found}`);
    return arg.includes(" ") ? `"${escaped}"` : escaped;
  }).join(" ");
}
