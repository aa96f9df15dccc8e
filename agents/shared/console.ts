/**
 * What an agent shows. Plain lines, so that a serial console, a log and a screen reader all get the same; on a capable
 * terminal one status line is redrawn in place. Nothing is ever printed faster than a person can read it.
 */

import { formatBytes } from "../../lib/format_bytes.ts";

/** What the entry point knows about its standard streams. */
export interface Terminal {
  write(text: string): void;
  /** Whether escape sequences may be used (a terminal that is not dumb and no serial line). */
  readonly canRedraw: boolean;
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
   * A line that would come again and again: shown at most once in `repeatAfterMs`.
   * @param kind lines of one kind count as the same, whatever they say; to be given where a stranger can make us say
   *   another line each time.
   *   Default: the line itself
   */
  sayRarely(line: string, kind?: string): void;
  /** What is going on right now; the last one wins. Redrawn in place, or a line every few seconds. */
  status(line: string): void;
  /** The machine-readable mark of a step that was reached. */
  mark(step: Step): void;
  /** @throws {NoTerminal} */
  askSecret(prompt: string, signal: AbortSignal): Promise<string>;
  /** @param onKey called when a key is pressed. @throws {NoTerminal} */
  askLine(prompt: string, signal: AbortSignal, onKey: () => void): Promise<string>;
}

/** Steps that `bench` and `demo` read from the console. */
export type Step = "agent" | "serving" | "prepared" | "found" | "fetched" | "kexec";

export interface ConsoleOptions {
  readonly terminal: Terminal;
  /** Time since the agent's start. */
  readonly monotonicMs: () => number;
}

const redrawAfterMs = 200;
const lineAfterMs = 2_000;
const repeatAfterMs = 60_000;
/** Lines remembered for `sayRarely`: a peer can make us say new ones, but not fill our memory. */
const maximumRemembered = 64;
/** ECMA-48 "carriage return" and "erase in line" to the end. */
const eraseLine = "\r\x1b[K";

export function createConsole(options: ConsoleOptions): Console {
  const { terminal, monotonicMs } = options;
  const lastSaid = new Map<string, number>();
  let shownStatus = "";
  let lastStatusMs = -Infinity;

  function say(line: string): void {
    if (!terminal.canRedraw) return terminal.write(`${line}\n`);
    terminal.write(`${shownStatus === "" ? "" : eraseLine}${line}\n${shownStatus}`);
  }

  function status(line: string): void {
    const now = monotonicMs();
    if (line === shownStatus || now - lastStatusMs < (terminal.canRedraw ? redrawAfterMs : lineAfterMs)) return;
    lastStatusMs = now;
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
    if (shownStatus !== "" && terminal.canRedraw) terminal.write(eraseLine);
    shownStatus = "";
    lastStatusMs = -Infinity;
  }

  return {
    isScreen: terminal.canRedraw,
    say: (line) => {
      endStatus();
      say(line);
    },
    sayRarely,
    status,
    mark: (step) => {
      // A screen is for people; bench and demo read a serial line.
      if (terminal.canRedraw) return;
      endStatus();
      say(`stiefelsystem: step=${step} after=${(monotonicMs() / 1000).toFixed(2)}`);
    },
    askSecret: async (prompt, signal) => {
      if (terminal.readSecret === undefined) throw new NoTerminal();
      endStatus();
      return await terminal.readSecret(prompt, signal);
    },
    askLine: async (prompt, signal, onKey) => {
      if (terminal.readLine === undefined) throw new NoTerminal();
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
