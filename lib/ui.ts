/** What commands say and ask. `lib/cli/terminal_ui.ts` is the real one, with and without a terminal; tests bring their own. */

/** One running step that takes longer than a moment. */
export interface Progress {
  /** @param done in the unit the step was opened with; @param note a few words on what happens right now */
  update(done: number, note?: string): void;
  note(note: string): void;
  /** The step is over; `note` stays on the screen. */
  finish(note?: string): void;
  /** The step did not succeed; the error itself is said elsewhere. */
  fail(note?: string): void;
}

export interface ProgressOptions {
  /** When known, a share and the remaining time can be shown. */
  readonly total?: number;
  readonly unit?: "bytes" | "steps" | "seconds";
}

export type Answer = "yes" | "skip" | "abort";

export interface Question {
  /** A single line, no question mark needed. */
  readonly text: string;
  /** Shown again when the user asks for it (key d). */
  readonly details?: string;
}

export interface Ui {
  /** A result, on standard output. */
  result(text: string): void;
  /** Talk, on standard error. */
  say(text: string): void;
  warn(text: string): void;
  progress(title: string, options?: ProgressOptions): Progress;
  /** @throws {StoppedByUser} on Ctrl-C or a closed input */
  ask(question: Question): Promise<Answer>;
  /** @throws {StoppedByUser} on Ctrl-C or a closed input */
  confirm(text: string): Promise<boolean>;
  /** A secret, never echoed. @throws {StoppedByUser} on Ctrl-C or a closed input */
  askSecret(text: string): Promise<string>;
  readonly isTerminal: boolean;
  readonly color: boolean;
}
