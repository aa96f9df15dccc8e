import assert from "node:assert/strict";
import { noKeys, readKeys } from "../terminal/keys.ts";
import { changeChoices, chooseByKeys, chooseByLine, diffChoice, formatQuestion, yesNoChoices } from "./question.ts";

const choices = [...changeChoices, diffChoice];

Deno.test("P7: a question names all of its answers, and fits into 80 and 40 columns", () => {
  assert.deepEqual(formatQuestion("Let desktops use it", yesNoChoices, 80), {
    question: "",
    prompt: "Let desktops use it? [y]es / [n]o ",
  });
  const text = "[3/24] Write /etc/NetworkManager/conf.d/90-stiefelsystem.conf";
  assert.deepEqual(formatQuestion(text, choices, 80), {
    question: `${text}?`,
    prompt: "  [y]es / a[l]l / [s]kip / [a]bort / [d]iff ",
  });
  assert.deepEqual(formatQuestion(text, choices, 40).prompt, "  [y]es a[l]l [s]kip [a]bort [d]iff ");
  assert.ok(formatQuestion(text, choices, 40).prompt.length < 40);
});

Deno.test("answers of a pipe: a word, or its letter", () => {
  const answer = (line: string): string | undefined => chooseByLine(line, choices)?.word;
  assert.deepEqual(["y", "Y", "yes", " yes ", "all", "l", "a", "abort", "s", "diff", "x", ""].map(answer), [
    ...["yes", "yes", "yes", "yes", "all", "all", "abort", "abort", "skip", "diff", undefined, undefined],
  ]);
});

const table: readonly (readonly [typed: string, answer: string | undefined])[] = [
  ["y", "yes"],
  ["Y", "yes"],
  ["l", "all"],
  ["a", "abort"],
  ["all\r", "all"],
  ["yes\r", "yes"],
  ["y\r", "yes"],
  ["\x03", "stop"],
  ["\x04", "stop"],
  ["y\x03", "stop"],
  ["x", "unknown"],
  ["\r", "unknown"],
  ["\t", undefined],
  ["é", undefined],
  ["я", undefined],
  ["\x1b[A", undefined],
  ["\x1b[Ay", "yes"],
  ["yyyy", undefined],
  ["a whole line that was pasted\r", undefined],
  ["\x1b[200~y\x1b[201~", undefined],
];
for (const [typed, answer] of table) {
  Deno.test(`P2: at a question ${JSON.stringify(typed)} is ${answer ?? "ignored"}`, () => {
    const choice = chooseByKeys(readKeys(noKeys, new TextEncoder().encode(typed)).keys, choices);
    assert.equal(typeof choice === "object" ? choice.word : choice, answer);
  });
}
