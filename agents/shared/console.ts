/**
 * What an agent shows. Plain lines, so that a serial console, a log and a screen reader all get the same; on a capable
 * terminal one status line is redrawn in place. Nothing is ever printed faster than a person can read it.
 */

import { formatBytes } from "../../lib/format_bytes.ts";
import {
  clearScreen,
  drawChanges,
  layOutPage,
  type PageRow,
  type ScreenLine,
  type ScreenSize,
  usualSize,
} from "./screen.ts";

/** What the entry point knows about its standard streams. */
export interface Terminal {
  write(text: string): void;
  /** Whether escape sequences may be used (a terminal that is not dumb and no serial line). */
  readonly canRedraw: boolean;
  /** Of a terminal that can redraw. Default: 80 columns and 25 rows. */
  size?(): ScreenSize;
  /** Calls back with each key that is a character, until the signal aborts; undefined when no user could type here. */
  watchKeys?(onKey: (text: string) => void, signal: AbortSignal): Promise<void>;
  /** Keeps a line where people find it later. */
  log?(line: string): void;
  /** Lines and characters of a secret, not echoed; undefined when no user could type here. */
  readSecret?(prompt: string, signal: AbortSignal): Promise<string>;
  /** A line, shown as it is typed; undefined when no user could type here. @param onKey called when a key is pressed */
  readLine?(prompt: string, signal: AbortSignal, onKey: () => void): Promise<string>;
}

/** No person can be asked: there is no terminal, or it is gone. */
export class NoTerminal extends Error {
  override readonly name = "NoTerminal";

  constructor() {
    super("There is no terminal to ask on");
  }
}

export interface Console {
  /** This machine's own console, whose keymap applies to what is typed; false on a serial line. */
  readonly isScreen: boolean;
  say(line: string): void;
  /**
   * A page in place of lines, until the next one; lines that come meanwhile stand below it. Nothing on a serial line.
   * @param rows undefined: lines again
   */
  page(rows: readonly PageRow[] | undefined): void;
  /** A sound: what the terminal makes it of. */
  ring(sound: string): void;
  /**
   * A line that would come again and again: shown at most once in `repeatAfterMs`.
   * @param kind lines of one kind count as the same, whatever they say; to be given where a stranger can make us say
   *   another line each time.
   *   Default: the line itself
   */
  sayRarely(line: string, kind?: string): void;
  /** What is going on right now; the last one wins. Redrawn in place, or a line every few seconds. */
  status(line: string): void;
  /** The machine-readable mark of a step that was reached. It goes to the log, and to a serial line. */
  mark(step: Step): void;
  /** Keys of a person, until the signal aborts; ends at once where no person can type. */
  watchKeys(onKey: (text: string) => void, signal: AbortSignal): Promise<void>;
  /** @throws {NoTerminal} */
  askSecret(prompt: string, signal: AbortSignal): Promise<string>;
  /** @param onKey called when a key is pressed. @throws {NoTerminal} */
  askLine(prompt: string, signal: AbortSignal, onKey: () => void): Promise<string>;
}

/** What an agent has said, and its marks: in memory, also when a screen has scrolled. */
export const AGENT_LOG_PATH = "/run/stiefelsystem/agent.log";

/** Steps that `bench` and `demo` read from the console. */
export type Step = "agent" | "serving" | "prepared" | "found" | "fetched" | "kexec";

export interface ConsoleOptions {
  readonly terminal: Terminal;
  /** Time since the agent's start. */
  readonly monotonicMs: () => number;
  /** For the time of what stands below a page. Default: no time. */
  readonly wallClockMs?: () => number;
}

const redrawAfterMs = 200;
const lineAfterMs = 2_000;
const repeatAfterMs = 60_000;
/** Lines remembered for `sayRarely`: a peer can make us say new ones, but not fill our memory. */
const maximumRemembered = 64;
/** Lines kept to be shown below a page: as many as a tall screen has. */
const maximumLately = 60;
/** A page is drawn from its beginning again: the kernel may have written over it. */
const drawAgainMs = 60_000;
/** ECMA-48 "carriage return" and "erase in line" to the end. */
const eraseLine = "\r\x1b[K";

export function createConsole(options: ConsoleOptions): Console {
  const { terminal, monotonicMs } = options;
  const lastSaid = new Map<string, number>();
  let shownStatus = "";
  let lastStatusMs = -Infinity;
  let pageRows: readonly PageRow[] | undefined;
  let drawn: { readonly lines: readonly ScreenLine[]; readonly size: ScreenSize; readonly fullMs: number } | undefined;
  const lately: string[] = [];

  function draw(): void {
    if (pageRows === undefined) return;
    const size = terminal.size?.() ?? usualSize;
    const now = monotonicMs();
    const lines = layOutPage(pageRows, shownStatus === "" ? lately : [...lately, shownStatus], size);
    const isKnown = drawn !== undefined && drawn.size.columns === size.columns && drawn.size.rows === size.rows &&
      now - drawn.fullMs < drawAgainMs;
    const changes = drawChanges(isKnown ? drawn?.lines : undefined, lines);
    if (changes !== "") terminal.write(changes);
    drawn = { lines, size, fullMs: isKnown ? drawn?.fullMs ?? now : now };
  }

  function page(rows: readonly PageRow[] | undefined): void {
    if (!terminal.canRedraw) return;
    const wasPage = pageRows !== undefined;
    if (wasPage || rows !== undefined) endStatus();
    pageRows = rows;
    if (rows !== undefined) return draw();
    drawn = undefined;
    // What stood below the page is not lost with it.
    if (wasPage) terminal.write(`${clearScreen}${lately.map((line) => `${line}\n`).join("")}`);
  }

  function keep(line: string): void {
    terminal.log?.(line);
    if (!terminal.canRedraw) return;
    const time = options.wallClockMs === undefined
      ? ""
      : `${new Date(options.wallClockMs()).toISOString().slice(11, 16)}Z `;
    lately.push(`${time}${line}`);
    if (lately.length > maximumLately) lately.shift();
  }

  function say(line: string): void {
    keep(line);
    if (pageRows !== undefined) return draw();
    if (!terminal.canRedraw) return terminal.write(`${line}\n`);
    terminal.write(`${shownStatus === "" ? "" : eraseLine}${line}\n${shownStatus}`);
  }

  function status(line: string): void {
    const now = monotonicMs();
    if (line === shownStatus || now - lastStatusMs < (terminal.canRedraw ? redrawAfterMs : lineAfterMs)) return;
    lastStatusMs = now;
    if (pageRows !== undefined) {
      shownStatus = line;
      return draw();
    }
    if (terminal.canRedraw) terminal.write(eraseLine + line);
    else terminal.write(`${line}\n`);
    shownStatus = line;
  }

  function sayRarely(line: string, kind: string = line): void {
    const now = monotonicMs();
    const last = lastSaid.get(kind);
    if (last !== undefined && now - last < repeatAfterMs) return;
    lastSaid.delete(kind);
    lastSaid.set(kind, now);
    const oldest = lastSaid.keys().next().value;
    if (lastSaid.size > maximumRemembered && oldest !== undefined) lastSaid.delete(oldest);
    say(line);
  }

  function endStatus(): void {
    if (shownStatus !== "" && terminal.canRedraw && pageRows === undefined) terminal.write(eraseLine);
    shownStatus = "";
    lastStatusMs = -Infinity;
  }

  return {
    isScreen: terminal.canRedraw,
    say: (line) => {
      endStatus();
      say(line);
    },
    page,
    ring: (sound) => terminal.write(sound),
    sayRarely,
    status,
    mark: (step) => {
      const line = `stiefelsystem: step=${step} after=${(monotonicMs() / 1000).toFixed(2)}`;
      // A screen is for people; bench and demo read a serial line.
      if (terminal.canRedraw) return terminal.log?.(line);
      endStatus();
      say(line);
    },
    watchKeys: async (onKey, signal) => await terminal.watchKeys?.(onKey, signal),
    askSecret: async (prompt, signal) => {
      if (terminal.readSecret === undefined) throw new NoTerminal();
      page(undefined);
      endStatus();
      return await terminal.readSecret(prompt, signal);
    },
    askLine: async (prompt, signal, onKey) => {
      if (terminal.readLine === undefined) throw new NoTerminal();
      page(undefined);
      endStatus();
      return await terminal.readLine(prompt, signal, onKey);
    },
  };
}

/**
 * Terminals known to redraw; a serial console calls itself vt100, vt102 or vt220, and what it prints usually ends in a
 * log.
 */
export function canRedraw(isTerminal: boolean, term: string | undefined): boolean {
  return isTerminal && term !== undefined && /^(linux|xterm|screen|tmux|rxvt|alacritty|foot|kitty)/.test(term);
}

/** "12.3 MB of 45.6 MB, 11.8 MB/s, 3 s left". */
export function formatTransfer(transfer: { doneBytes: number; totalBytes: number; elapsedMs: number }): string {
  const { doneBytes, totalBytes, elapsedMs } = transfer;
  const amounts = `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  // a rate of the first moments says nothing
  if (elapsedMs < 500 || doneBytes === 0) return amounts;
  const bytesPerSecond = doneBytes * 1000 / elapsedMs;
  const seconds = Math.ceil((totalBytes - doneBytes) / bytesPerSecond);
  return `${amounts}, ${formatBytes(bytesPerSecond)}/s, ${seconds} s left`;
}

/** "45.6 MB in 3.9 s, 11.7 MB/s". */
export function formatTransferred(bytes: number, elapsedMs: number): string {
  const seconds = Math.max(elapsedMs, 1) / 1000;
  return `${formatBytes(bytes)} in ${seconds.toFixed(1)} s, ${formatBytes(bytes / seconds)}/s`;
}
