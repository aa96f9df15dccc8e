/**
 * What commands say and ask. `lib/cli/terminal_ui.ts` is the real one, with and without a terminal; tests bring their
 * own.
 */

/** One running step that takes longer than a moment. */
export interface Progress {
  /** @param done in the unit the step was opened with; @param note a few words on what happens right now */
  update(done: number, note?: string): void;
  note(note: string): void;
  /** The step is over; `note` stays on the screen. */
  finish(note?: string): void;
  /** The step did not succeed; the error itself is shown elsewhere. */
  fail(note?: string): void;
}

/**
 * Work that is one running step: the step is over with what `describe` says of the result, or has failed with the work.
 */
export async function showStep<Result>(
  progress: Progress,
  work: (progress: Progress) => Promise<Result>,
  describe: (result: Result) => string | undefined = () => undefined,
): Promise<Result> {
  try {
    const result = await work(progress);
    progress.finish(describe(result));
    return result;
  } catch (error) {
    progress.fail();
    throw error;
  }
}

export interface ProgressOptions {
  /** When known, a share and the remaining time can be shown. */
  readonly total?: number;
  readonly unit?: "bytes" | "steps" | "seconds";
}

export type Answer = "yes" | "skip" | "abort";

export interface Question {
  /** A single line that names number and object, no question mark needed: "[3/24] Write /etc/x". */
  readonly text: string;
  /** Shown in full when the user asks for it ("diff"). */
  readonly details?: string;
  /** An "all" given before does not answer it. */
  readonly isAskedAlways?: boolean;
}

export interface Screen {
  readonly columns: number;
  /** Undefined without a terminal: nothing scrolls away. */
  readonly rows: number | undefined;
}

export interface Ui {
  /** A result, on standard output. */
  result(text: string): void;
  /** A long result, on standard output; where that is a terminal with fewer lines, in a pager. */
  page(text: string): Promise<void>;
  /** Talk, on standard error. */
  say(text: string): void;
  warn(text: string): void;
  progress(title: string, options?: ProgressOptions): Progress;
  /**
   * Yes, skip or abort. The user may say "all": from then on this and every later question of this program is a yes,
   * but for those that are asked always.
   * @throws {StoppedByUser} on Ctrl-C or a closed input
   */
  ask(question: Question): Promise<Answer>;
  /** @throws {StoppedByUser} on Ctrl-C or a closed input */
  confirm(text: string): Promise<boolean>;
  /**
   * A line, shown as it is typed; without blanks around it. "--yes" does not answer it.
   * @throws {StoppedByUser} on Ctrl-C or a closed input
   */
  askText(text: string): Promise<string>;
  /** A secret, never echoed. @throws {StoppedByUser} on Ctrl-C or a closed input */
  askSecret(text: string): Promise<string>;
  screen(): Screen;
  readonly isTerminal: boolean;
  readonly color: boolean;
}
