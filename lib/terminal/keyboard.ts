/** Asking on a terminal: keys as they come, from when the question is shown until it is answered. */

import { StoppedByUser } from "../errors.ts";
import { endPause, type Key, noKeys, pauseMsOf, readKeys } from "./keys.ts";

/** A terminal's input. */
export interface TerminalInput {
  /** @returns the next bytes, as many as there are; null when the terminal is gone */
  read(): Promise<Uint8Array | null>;
  /** Raw: each key at once, nothing echoed, and Ctrl-C as a character. */
  setRaw(isRaw: boolean): void;
}

export interface KeyQuestion<Answer> {
  /** Shows the question. What was typed before that is thrown away. */
  readonly show: () => void;
  /** @param keys what came at once @returns the answer; undefined: go on */
  readonly decide: (keys: readonly Key[]) => Answer | undefined;
  /** When it aborts, the question is over. */
  readonly signal?: AbortSignal | undefined;
}

export interface Keyboard {
  /**
   * The terminal is put back whatever happens. @throws the signal's reason; {StoppedByUser} when the terminal is gone
   */
  ask<Answer>(question: KeyQuestion<Answer>): Promise<Answer>;
}

/** What was typed before a question is there at once; a repeating key comes more slowly than this. */
const quietMs = 20;
/** A cat on the keyboard does not keep the question away for ever. */
const maximumDrains = 100;

/**
 * @param stopped ends the waiting: by its rejection, or as a terminal that is gone
 * @returns the next bytes; null when the terminal is gone; undefined when nothing has come for so long
 */
type NextInput = (waitMs: number | undefined, stopped: Promise<null>) => Promise<Uint8Array | null | undefined>;

export function createInputReader(input: Pick<TerminalInput, "read">): NextInput {
  /** A read cannot be cancelled: one that was not waited for is the next one's. */
  let reading: Promise<Uint8Array | null> | undefined;
  return async (waitMs, stopped) => {
    reading ??= input.read();
    const pause = Promise.withResolvers<undefined>();
    const timer = waitMs === undefined ? undefined : setTimeout(() => pause.resolve(undefined), waitMs);
    try {
      const bytes = await Promise.race([reading, stopped, ...waitMs === undefined ? [] : [pause.promise]]);
      if (bytes !== undefined) reading = undefined;
      return bytes;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** @returns what `take` makes of some keys; null when the terminal is gone */
export async function takeKeys<Answer>(
  next: NextInput,
  stopped: Promise<null>,
  take: (keys: readonly Key[]) => Answer | undefined,
): Promise<Answer | null> {
  for (let state = noKeys;;) {
    const bytes = await next(pauseMsOf(state), stopped);
    if (bytes === null) return null;
    if (bytes === undefined) {
      state = endPause(state);
      continue;
    }
    const { state: after, keys } = readKeys(state, bytes);
    state = after;
    const answer = keys.length === 0 ? undefined : take(keys);
    if (answer !== undefined) return answer;
  }
}

export function createKeyboard(input: TerminalInput): Keyboard {
  const next = createInputReader(input);

  async function drain(stopped: Promise<never>): Promise<void> {
    for (let drains = 0; drains < maximumDrains; drains++) {
      const bytes = await next(quietMs, stopped);
      if (bytes === undefined) return;
      if (bytes === null) throw new StoppedByUser();
      // Ctrl-C always stops: the user cannot have meant it for an earlier question.
      if (bytes.includes(3)) throw new StoppedByUser();
    }
  }

  async function ask<Answer>({ show, decide, signal }: KeyQuestion<Answer>): Promise<Answer> {
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => {}); // without a question it is of no interest
    const stop = (): void => stopped.reject(signal?.reason ?? new StoppedByUser());
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    input.setRaw(true);
    try {
      await drain(stopped.promise);
      show();
      const answer = await takeKeys(next, stopped.promise, decide);
      if (answer === null) throw new StoppedByUser();
      return answer;
    } finally {
      input.setRaw(false);
      signal?.removeEventListener("abort", stop);
    }
  }

  return { ask };
}
