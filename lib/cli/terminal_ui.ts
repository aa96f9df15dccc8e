/**
 * The real `Ui`: progress in one line that is redrawn on a terminal, plain lines into a pipe or log; single keys for questions on a terminal,
 * whole lines without one. Results go to standard output, everything else to standard error.
 */

import process from "node:process";
import { styleText } from "node:util";
import { StoppedByUser, UserError } from "../errors.ts";
import { describeProgress, formatDuration, type ProgressState } from "./progress.ts";
import type { Answer, Progress, ProgressOptions, Question, Ui } from "../ui.ts";

/** How often a running step is drawn on a terminal, and said in a log. */
const redrawMs = 200;
const logEveryMs = 15_000;

export interface TerminalUiOptions {
  /** Every question is answered with yes (for scripts). */
  readonly assumeYes?: boolean;
  /** When it aborts, a question that waits for an answer is over. */
  readonly signal?: AbortSignal;
}

export function createTerminalUi(options: TerminalUiOptions = {}): Ui {
  // One that knows no cursor movements is written to like a log.
  const isTerminal = Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb";
  const canAskKeys = Deno.stdin.isTerminal() && isTerminal;
  // https://no-color.org: an empty variable is none.
  const color = isTerminal && (Deno.env.get("NO_COLOR") ?? "") === "";
  const readWholeLine = createLineReader();
  const readLine = (): Promise<string> => untilStopped(readWholeLine(), options.signal);
  let running: ProgressState | undefined;

  const paint = (style: "bold" | "dim" | "yellow" | "green" | "red", text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const write = (text: string): void => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  const clear = (): void => {
    if (isTerminal && running !== undefined) write("\r\x1b[K");
  };
  const say = (text: string): void => {
    clear();
    write(`${text}\n`);
    draw();
  };

  function draw(): void {
    if (!isTerminal || running === undefined) return;
    const { columns } = safeConsoleSize();
    write(`\r\x1b[K${paint("dim", describeProgress(running).slice(0, columns - 1))}`);
  }

  function progress(title: string, { total, unit = "steps" }: ProgressOptions = {}): Progress {
    const startedAt = performance.now();
    let state: ProgressState = { title, unit, done: undefined, total, note: "", elapsedSeconds: 0 };
    const change = (part: Partial<ProgressState>): void => {
      state = { ...state, ...part, elapsedSeconds: (performance.now() - startedAt) / 1000 };
      running = state;
    };
    change({});
    if (!isTerminal) write(`${title} …\n`);
    const timer = setInterval(() => {
      change({});
      isTerminal ? draw() : write(`  ${describeProgress(state)}\n`);
    }, isTerminal ? redrawMs : logEveryMs);
    Deno.unrefTimer(timer);
    draw();
    const end = (mark: string, note: string | undefined): void => {
      clearInterval(timer);
      change({});
      clear();
      running = undefined;
      write(
        `${mark} ${title}${note ? `: ${note}` : ""} ${paint("dim", `(${formatDuration(state.elapsedSeconds)})`)}\n`,
      );
    };
    return {
      update: (done, note) => change({ done, ...(note === undefined ? {} : { note }) }),
      note: (note) => change({ note }),
      finish: (note) => end(paint("green", isTerminal ? "✓" : "done:"), note),
      fail: (note) => end(paint("red", isTerminal ? "✗" : "failed:"), note),
    };
  }

  /** One key on a terminal, the first letter of a line without one. */
  async function askKey(prompt: string, keys: string): Promise<string> {
    for (;;) {
      write(paint("bold", prompt));
      const key = canAskKeys ? await readKey(options.signal) : (await readLine()).trim().toLowerCase().slice(0, 1);
      write(canAskKeys ? `${key}\n` : "\n");
      if (key !== "" && keys.includes(key)) return key;
      write(`Please answer with one of: ${[...keys].join(", ")}\n`);
    }
  }

  async function ask(question: Question): Promise<Answer> {
    clear();
    if (options.assumeYes) {
      say(`${question.text}: yes`);
      return "yes";
    }
    const withDetails = question.details === undefined ? "" : "d";
    const prompt = `${question.text}? [y]es / [s]kip / [a]bort${withDetails && " / [d]iff"} `;
    for (;;) {
      const key = await askKey(prompt, `ysa${withDetails}`);
      if (key === "d") write(`${question.details}\n`);
      else return key === "y" ? "yes" : key === "s" ? "skip" : "abort";
    }
  }

  return {
    result: (text) => {
      clear();
      Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
      draw();
    },
    say,
    warn: (text) => say(`${paint("yellow", "Warning:")} ${text}`),
    progress,
    ask,
    confirm: async (text) => {
      clear();
      if (options.assumeYes) {
        say(`${text}: yes`);
        return true;
      }
      return await askKey(`${text}? [y]es / [n]o `, "yn") === "y";
    },
    askSecret: async (text) => {
      clear();
      if (!canAskKeys) return await readLine();
      const { default: password } = await import("@inquirer/password");
      try {
        return await password({ message: text }, { output: process.stderr });
      } catch (error) {
        throw isPromptExit(error) ? new StoppedByUser() : error;
      }
    },
    isTerminal,
    color,
  };
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

function isPromptExit(error: unknown): boolean {
  return error instanceof Error && (error.name === "ExitPromptError" || error.name === "AbortPromptError");
}

function safeConsoleSize(): { readonly columns: number } {
  try {
    return { columns: Math.max(20, Deno.consoleSize().columns) };
  } catch {
    return { columns: 80 };
  }
}

/** One key press in raw mode; the terminal is put back whatever happens. Ctrl-C, Ctrl-D and the signal stop. */
async function readKey(signal: AbortSignal | undefined): Promise<string> {
  const buffer = new Uint8Array(16);
  Deno.stdin.setRaw(true);
  try {
    const count = await untilStopped(Deno.stdin.read(buffer), signal);
    // 3 and 4 are what Ctrl-C and Ctrl-D send in raw mode (termios(3): VINTR, VEOF).
    if (count === null || buffer[0] === 3 || buffer[0] === 4) throw new StoppedByUser();
    return new TextDecoder().decode(buffer.subarray(0, count)).toLowerCase().slice(0, 1);
  } finally {
    Deno.stdin.setRaw(false);
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
