/**
 * The real `Ui`: progress in one line that is redrawn on a terminal, plain lines into a pipe or log; single keys for
 * questions on a terminal, whole lines without one. Results go to standard output, everything else to standard error.
 */

import { stripVTControlCharacters, styleText } from "node:util";
import { StoppedByUser, UserError } from "../errors.ts";
import { askSecret } from "../terminal/ask_secret.ts";
import { askText } from "../terminal/ask_text.ts";
import { createKeyboard, type KeyQuestion } from "../terminal/keyboard.ts";
import { createProgressLine } from "./progress_line.ts";
import {
  changeChoices,
  type Choice,
  chooseByKeys,
  chooseByLine,
  describeChoices,
  diffChoice,
  formatQuestion,
  yesNoChoices,
} from "./question.ts";
import { runPager } from "./terminal_pager.ts";
import { wrapTalk } from "./wrap_talk.ts";
import type { Answer, Question, Screen, Ui } from "../ui.ts";

export interface TerminalUiOptions {
  /** Every question is answered with yes (for scripts). */
  readonly assumeYes?: boolean;
  /** When it aborts, a question that waits for an answer is over. */
  readonly signal?: AbortSignal;
  /** Makes the commands in a message those that can be typed here; lines are broken before. */
  readonly adapt?: (text: string) => string;
}

/** A terminal that knows no cursor movements is written to like a log. */
function isCapable(): boolean {
  return Deno.env.get("TERM") !== "dumb";
}

function sizeOfTerminal(): { readonly columns: number; readonly rows: number } | undefined {
  try {
    const { columns, rows } = Deno.consoleSize();
    // A serial line says 0.
    return { columns: columns === 0 ? 80 : Math.max(20, columns), rows: rows === 0 ? 24 : rows };
  } catch {
    return undefined;
  }
}

/** The words with which a program ends, on standard error: broken between words where that is a terminal. */
export function wrapForTerminal(text: string): string {
  const size = Deno.stderr.isTerminal() && isCapable() ? sizeOfTerminal() : undefined;
  return size === undefined ? text : wrapTalk(text, size.columns).join("\n");
}

export function createTerminalUi(options: TerminalUiOptions = {}): Ui {
  const isTerminal = Deno.stderr.isTerminal() && isCapable();
  const adapt = options.adapt ?? ((text: string): string => text);
  const canAskKeys = Deno.stdin.isTerminal();
  const canPage = canAskKeys && Deno.stdout.isTerminal() && isCapable();
  // https://no-color.org: an empty variable counts as unset.
  const color = isTerminal && (Deno.env.get("NO_COLOR") ?? "") === "";
  const readWholeLine = createLineReader();
  const readLine = (): Promise<string> => untilStopped(readWholeLine(), options.signal);
  const keyboard = createKeyboard({ read: readTerminal, setRaw: (isRaw) => Deno.stdin.setRaw(isRaw) });
  /** The user has answered "all". */
  let isAllWanted = false;

  const paint = (style: "bold" | "dim" | "yellow" | "green" | "red", text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const write = (text: string): void => writeAll(Deno.stderr, text);
  const { clear, draw, progress } = createProgressLine({ write, paint, screen, isTerminal, every });
  const say = (text: string): void => {
    clear();
    write(`${text}\n`);
    draw();
  };

  function screen(): Screen {
    const size = sizeOfTerminal() ?? { columns: 80, rows: undefined };
    return canAskKeys || isTerminal ? size : { ...size, rows: undefined };
  }

  async function askKeys<T>(question: KeyQuestion<T>): Promise<T> {
    try {
      return await keyboard.ask({ ...question, signal: options.signal });
    } catch (error) {
      throw options.signal?.aborted ? new StoppedByUser() : error;
    }
  }

  /** Without a terminal, where nothing echoes the end of a line: what comes next begins a new one in any case. */
  async function readAnswer(): Promise<string> {
    try {
      return await readLine();
    } finally {
      write("\n");
    }
  }

  /** Keys on a terminal, a line without one. */
  async function choose(text: string, choices: readonly Choice[]): Promise<Choice> {
    const { question, prompt } = formatQuestion(text, choices, canAskKeys ? screen().columns : 80);
    const show = (): void => write(`${question === "" ? "" : `${paint("bold", question)}\n`}${paint("bold", prompt)}`);
    if (!canAskKeys) {
      for (;;) {
        show();
        const choice = chooseByLine(await readAnswer(), choices);
        if (choice !== undefined) return choice;
        write(`${describeChoices(choices)}\n`);
      }
    }
    let isHelped = false;
    return await askKeys({
      show,
      decide: (keys) => {
        const choice = chooseByKeys(keys, choices);
        if (choice === "stop") {
          write("\n");
          throw new StoppedByUser();
        }
        if (typeof choice === "object") {
          write(`${choice.key}\n`);
          return choice;
        }
        if (choice === "unknown" && !isHelped) {
          isHelped = true;
          write(`\n${describeChoices(choices)}\n`);
          show();
        }
        return undefined;
      },
    });
  }

  async function ask({ text, details, isAskedAlways = false }: Question): Promise<Answer> {
    clear();
    if (options.assumeYes || (isAllWanted && !isAskedAlways)) {
      say(`${text}: yes`);
      return "yes";
    }
    const choices = details === undefined ? changeChoices : [...changeChoices, diffChoice];
    for (;;) {
      const { word } = await choose(text, choices);
      if (word === "diff") await page(`${details}`, write);
      else if (word !== "all") return word as Answer;
      else {
        isAllWanted = true;
        return "yes";
      }
    }
  }

  /** @param writeAll where there is no pager, or no need of one */
  async function page(text: string, writeAll: (text: string) => void): Promise<void> {
    const { columns, rows = Infinity } = screen();
    const isLong = countRows(text, columns) >= rows;
    if (!canPage || !isLong || !await runPager(text, options.signal)) writeAll(`${text}\n`);
  }

  async function askFor(ask: typeof askSecret, text: string): Promise<string> {
    clear();
    try {
      return await ask(keyboard, { prompt: paint("bold", `${text}: `), write, signal: options.signal });
    } catch (error) {
      throw options.signal?.aborted ? new StoppedByUser() : error;
    }
  }

  const writeResult = (text: string): void => {
    clear();
    writeAll(Deno.stdout, text);
    draw();
  };

  return {
    result: (text) => writeResult(`${adapt(text)}\n`),
    // Colours are for a terminal, not for a file.
    page: (text) => page(Deno.stdout.isTerminal() && isCapable() ? text : stripVTControlCharacters(text), writeResult),
    say: (text) => say(adapt(text)),
    warn: (text) => {
      const line = `${warningWord} ${text}`;
      const lines = isTerminal ? wrapTalk(line, screen().columns) : [line];
      say(adapt(lines.join("\n")).replace(warningWord, paint("yellow", warningWord)));
    },
    progress,
    ask,
    confirm: async (text) => {
      clear();
      if (options.assumeYes) {
        say(`${text}: yes`);
        return true;
      }
      return (await choose(text, yesNoChoices)).word === "yes";
    },
    askText: async (text) => {
      if (canAskKeys) return (await askFor(askText, text)).trim();
      write(`${paint("bold", text)}: `);
      return (await readAnswer()).trim();
    },
    askSecret: async (text) => canAskKeys ? await askFor(askSecret, text) : await readLine(),
    screen,
    isTerminal,
    color,
  };
}

const warningWord = "Warning:";

function every(intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

/** Reading standard input cannot be cancelled, but waiting for it can. */
async function untilStopped<T>(waiting: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await waiting;
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(new StoppedByUser());
  signal.aborted ? stop() : signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([waiting, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A terminal that is gone (hung up: EIO) has ended. */
async function readTerminal(): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(256);
  try {
    const count = await Deno.stdin.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  } catch {
    return null;
  }
}

/** How many lines of a terminal a text takes; colours take no room. */
function countRows(text: string, columns: number): number {
  const lines = stripVTControlCharacters(text).split("\n");
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(stream.writeSync(bytes));
  }
}

/** Lines of standard input, one at a time; what came after a line is kept for the next call. */
function createLineReader(): () => Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let rest = "";
  return async () => {
    let end: number;
    while ((end = rest.indexOf("\n")) < 0) {
      const count = await Deno.stdin.read(buffer);
      if (count === null && rest === "") {
        throw new UserError("A question has to be answered, but standard input has ended", {
          hints: ["Run it on a terminal, or answer every question with --yes"],
          exitCode: 3,
        });
      }
      // The last line counts without its end, too.
      rest += count === null ? "\n" : decoder.decode(buffer.subarray(0, count), { stream: true });
      if (rest.length > 65_536) throw new UserError("An answer on standard input is longer than 64 KiB");
    }
    const line = rest.slice(0, end);
    rest = rest.slice(end + 1);
    return line;
  };
}
