/** Asking a person which of several laptops is meant; the words are pure. */
import { describeError, UserError } from "../../lib/errors.ts";
import { toPrintable } from "../../lib/formats/text.ts";
import { type Console, NoTerminal } from "../shared/console.ts";
import {
  chooseLaptop,
  type ChosenLaptop,
  describePlace,
  handleOf,
  type HeardLaptop,
  isPreferred,
  type Preference,
} from "./heard_laptops.ts";
import type { LaptopSearch } from "./search.ts";

/** How long the stick's default waits for a key. */
const defaultWaitMs = 10_000;
/** A person looks for the right laptop; then all of them are asked anew. */
const personWaitMs = 10 * 60_000;

const stateWords: Readonly<Record<HeardLaptop["state"], string>> = {
  "serving": "waits for a desktop",
  "busy": "has lent its disk to a desktop",
  "restarting": "restarts as a server",
  "installed-os": "runs its own system: it would be asked to restart",
  "declining": "runs its own system, and declines",
};

/** Lines of at most 80 columns for names of usual length. */
export function formatLaptops(laptops: readonly HeardLaptop[]): readonly string[] {
  const width = Math.min(Math.max(...laptops.map(({ name }) => name.length)), 24);
  return [
    laptops.length === 1 ? "One laptop answers:" : `${laptops.length} laptops answer:`,
    ...laptops.map(({ name, keyName, state, place }, index) => {
      const where = describePlace(place.linkName, keyName);
      return `  ${String(index + 1).padStart(2)}  ${name.padEnd(width)}  ${stateWords[state]} (${where})`;
    }),
  ];
}

export function formatPrompt(laptops: readonly HeardLaptop[], byDefault: HeardLaptop | undefined): string {
  if (byDefault === undefined) return "Which one? Its number: ";
  const number = laptops.indexOf(byDefault) + 1;
  const handle = handleOf(byDefault);
  return `Which one? Its number (Enter, or no key for ${defaultWaitMs / 1000} s: ${number}, ${handle}): `;
}

/** @param typed a number, or a name that only one of them has. @returns undefined for anything else */
export function readChoice(
  typed: string,
  laptops: readonly HeardLaptop[],
  byDefault: HeardLaptop | undefined,
): HeardLaptop | undefined {
  const text = typed.trim();
  if (text === "") return byDefault;
  if (/^[1-9]\d?$/.test(text) && laptops[Number(text) - 1] !== undefined) return laptops[Number(text) - 1];
  const named = laptops.filter((laptop) => laptop.name === text || laptop.keyName === text);
  return named.length === 1 ? named[0] : undefined;
}

/** What is taken where no person can be asked: the default, else what need not wait, else the first that answered. */
export function chooseAlone(
  laptops: readonly HeardLaptop[],
  byDefault: HeardLaptop | undefined,
): HeardLaptop | undefined {
  const order: readonly HeardLaptop["state"][] = ["serving", "restarting", "installed-os", "busy"];
  return byDefault ?? order.map((state) => laptops.find((laptop) => laptop.state === state))
    .find((laptop) => laptop !== undefined);
}

export interface ChoosingOptions extends Preference {
  readonly console: Console;
  readonly signal: AbortSignal;
}

/**
 * Asks until one of those that answer is chosen; who answers meanwhile is shown, too.
 * @throws {UserError} when no choice is made in time; {StoppedByUser}; the signal's reason
 */
export async function askForLaptop(search: LaptopSearch, options: ChoosingOptions): Promise<ChosenLaptop> {
  const { console } = options;
  for (;;) {
    const laptops = search.candidates();
    if (laptops.length === 0) throw new UserError("No laptop answers any more");
    const byDefault = laptops.find((laptop) => isPreferred(laptop, options));
    for (const line of formatLaptops(laptops)) console.say(line);
    const answer = await askOnce(search, { ...options, laptops, byDefault });
    if (answer.kind === "another-answers") continue;
    if (answer.kind === "none") {
      const laptop = chooseAlone(laptops, byDefault);
      if (laptop === undefined) throw new UserError("No laptop answers any more");
      const how = byDefault === undefined ? "; the kernel parameter stiefel.laptop=NAME chooses another one" : "";
      console.say(`Taking "${handleOf(laptop)}"${how}`);
      return chooseLaptop(laptop, laptops);
    }
    const laptop = readChoice(answer.text, laptops, byDefault);
    if (laptop !== undefined) {
      const isKept = isPreferred(laptop, options);
      if (!isKept) console.say(`To have it taken by itself: setup-client-usbdrive --laptop ${quote(handleOf(laptop))}`);
      return chooseLaptop(laptop, laptops);
    }
    console.say(
      `"${toPrintable(answer.text.trim(), 40)}" is not in the list: type a number from 1 to ${laptops.length}`,
    );
  }
}

interface OneQuestion extends ChoosingOptions {
  readonly laptops: readonly HeardLaptop[];
  readonly byDefault: HeardLaptop | undefined;
}

type Choice =
  | { readonly kind: "typed"; readonly text: string }
  /** One more laptop answers: the list is shown again. */
  | { readonly kind: "another-answers" }
  /** No key was pressed while the default waited, or there is no terminal. */
  | { readonly kind: "none" };

async function askOnce(
  search: LaptopSearch,
  { console, signal, laptops, byDefault }: OneQuestion,
): Promise<Choice> {
  const over = new AbortController();
  let ending: "another-answers" | "none" | "late" | undefined;
  const end = (kind: NonNullable<typeof ending>): void => {
    ending ??= kind;
    over.abort(new DOMException("The question is over", "AbortError"));
  };
  const countdown = byDefault === undefined ? undefined : setTimeout(() => end("none"), defaultWaitMs);
  const late = setTimeout(() => end("late"), personWaitMs);
  void search.waitForMore(laptops.length).then(() => end("another-answers"));
  const onKey = (): void => clearTimeout(countdown);
  try {
    const ended = AbortSignal.any([signal, over.signal]);
    return { kind: "typed", text: await console.askLine(formatPrompt(laptops, byDefault), ended, onKey) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NoTerminal) return { kind: "none" };
    if (ending === "late") throw new UserError("No laptop was chosen in time", { cause: describeError(error) });
    if (ending !== undefined) return { kind: ending };
    throw error;
  } finally {
    clearTimeout(countdown);
    clearTimeout(late);
  }
}

/** As a word for a shell. */
function quote(name: string): string {
  return /^[\w.,:=/@%+-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
