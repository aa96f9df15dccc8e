/** Running steps: one line that is redrawn on a terminal, plain lines into a pipe or log. */

import { describeProgress, formatDuration, type ProgressState } from "./progress.ts";
import { wrapLine } from "../wrap_line.ts";
import type { Progress, ProgressOptions, Screen } from "../ui.ts";

/** How often a running step is drawn on a terminal, and said in a log. */
const redrawMs = 200;
const logEveryMs = 15_000;
/** Stands for a blank between a number and its unit: a character for private use, which no text has. */
const tie = "\u{e000}";

export interface ProgressPlace {
  readonly write: (text: string) => void;
  readonly paint: (style: "dim" | "green" | "red", text: string) => string;
  readonly screen: () => Screen;
  readonly isTerminal: boolean;
  /** Does something again and again, which keeps no program from its end. @returns what stops it */
  readonly every: (intervalMs: number, work: () => void) => () => void;
}

export interface ProgressLine {
  /** Makes room for a line of something else; to be drawn again after that. */
  clear(): void;
  draw(): void;
  progress(title: string, options?: ProgressOptions): Progress;
}

export function createProgressLine({ write, paint, screen, isTerminal, every }: ProgressPlace): ProgressLine {
  let running: ProgressState | undefined;

  function clear(): void {
    if (isTerminal && running !== undefined) write("\r\x1b[K");
  }

  function draw(): void {
    if (!isTerminal || running === undefined) return;
    const { columns } = screen();
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
    const stop = every(isTerminal ? redrawMs : logEveryMs, () => {
      change({});
      isTerminal ? draw() : write(`  ${describeProgress(state)}\n`);
    });
    draw();
    const end = (style: "green" | "red", mark: string, note: string | undefined): void => {
      stop();
      change({});
      clear();
      running = undefined;
      const took = `(${formatDuration(state.elapsedSeconds)})`;
      const line = `${mark} ${title}${note ? `: ${note}` : ""} ${took.replaceAll(" ", tie)}`;
      // A log has no width.
      const lines = isTerminal ? wrapLine(line, 2, screen().columns) : [line];
      write(
        `${
          lines.join("\n").replaceAll(tie, " ").replace(mark, paint(style, mark)).replace(took, paint("dim", took))
        }\n`,
      );
    };
    return {
      update: (done, note) => change({ done, ...(note === undefined ? {} : { note }) }),
      note: (note) => change({ note }),
      finish: (note) => end("green", isTerminal ? "✓" : "done:", note),
      fail: (note) => end("red", isTerminal ? "✗" : "failed:", note),
    };
  }

  return { clear, draw, progress };
}
