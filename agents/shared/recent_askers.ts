/**
 * Who has shown lately that it has the key: the sources of authentic questions with a new nonce. A stranger cannot ask
 * one, so a place for a connection is kept for them. Pure.
 */

/** A client connects as soon as it has an answer, and asks again every 4 s while it searches. */
export const ASKER_LIFETIME_MS = 60_000;
/** Who was silent longest goes first. */
const maximumAskers = 64;

export class RecentAskers {
  /** Address and link -> when it asked last, on the monotonic clock; in that order. */
  readonly #askedMs = new Map<string, number>();

  /** @param source the address a question came from, with the link */
  note(source: string, nowMs: number): void {
    this.#askedMs.delete(source);
    this.#askedMs.set(source, nowMs);
    const [oldest] = this.#askedMs.keys();
    if (this.#askedMs.size > maximumAskers && oldest !== undefined) this.#askedMs.delete(oldest);
  }

  has(source: string, nowMs: number): boolean {
    const askedMs = this.#askedMs.get(source);
    return askedMs !== undefined && nowMs - askedMs < ASKER_LIFETIME_MS;
  }
}
