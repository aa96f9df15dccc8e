/** The words of a question with keys, and which key or word answers it. Pure. */

import type { Key } from "../terminal/keys.ts";

/** One answer: a word, and the letter in it that stands for it. */
export interface Choice {
  readonly word: string;
  readonly key: string;
}

export const changeChoices: readonly Choice[] = [
  { word: "yes", key: "y" },
  { word: "all", key: "l" },
  { word: "skip", key: "s" },
  { word: "abort", key: "a" },
];
export const diffChoice: Choice = { word: "diff", key: "d" };
export const yesNoChoices: readonly Choice[] = [{ word: "yes", key: "y" }, { word: "no", key: "n" }];

/**
 * "Write /etc/x? [y]es / [n]o ", or, where that is too wide, the choices in a line of their own.
 * @param columns of the terminal
 */
export function formatQuestion(
  text: string,
  choices: readonly Choice[],
  columns: number,
): { readonly question: string; readonly prompt: string } {
  const words = choices.map(({ word, key }) => word.replace(key, `[${key}]`));
  const wide = words.join(" / ");
  // One column is for the cursor and one for the key that is echoed.
  const fits = (line: string): boolean => line.length + 2 <= columns;
  if (fits(`${text}? ${wide}`)) return { question: "", prompt: `${text}? ${wide} ` };
  return { question: `${text}?`, prompt: `  ${fits(`  ${wide}`) ? wide : words.join(" ")} ` };
}

/** A line of standard input: a whole word, else its first letter. */
export function chooseByLine(line: string, choices: readonly Choice[]): Choice | undefined {
  const word = line.trim().toLowerCase();
  return choices.find((choice) => choice.word === word) ?? choices.find((choice) => choice.key === word.slice(0, 1));
}

/**
 * Keys that came at once: one letter, or a whole word, with or without Enter. More than that was pasted, and is no
 * answer.
 * @returns "unknown" for a letter that no choice has; undefined for what is to be ignored
 */
export function chooseByKeys(
  keys: readonly Key[],
  choices: readonly Choice[],
): Choice | "stop" | "unknown" | undefined {
  if (keys.some(({ kind }) => kind === "interrupt" || kind === "end")) return "stop";
  const typed = keys.flatMap((key) => key.kind === "text" ? [key.text] : []).join("").trim().toLowerCase();
  if (typed === "") return keys.some(({ kind }) => kind === "enter") ? "unknown" : undefined;
  const choice = choices.find(({ word, key }) => typed === word || typed === key);
  // A letter that is not on every keyboard was no try at an answer.
  return choice ?? (/^[\x21-\x7e]$/.test(typed) ? "unknown" : undefined);
}

/** The reply to an answer that is not among the choices. */
export function describeChoices(choices: readonly Choice[]): string {
  return `Please answer with one of: ${choices.map(({ key }) => key).join(", ")}`;
}
