/**
 * Which desktops have another key. One whose stick holds several asks once with each, so a question with another key
 * is news only from who has not asked with ours, and goes on asking. Pure.
 */
import { RecentAskers } from "./recent_askers.ts";

/** A desktop asks again after 0.25, 0.5, 1 s; its questions with all keys leave at once. */
const patienceMs = 1_000;
/** From longer ago it is another search. */
const gapMs = 10_000;
/** Sources can be forged, and memory has an end: the one that was heard first goes. */
const maximumSources = 64;

export class ForeignAskers {
  readonly #ours = new RecentAskers();
  readonly #foreign = new Map<string, { readonly sinceMs: number; readonly lastMs: number }>();

  /** It has asked with our key. @param source the address a question came from */
  noteOurs(source: string, nowMs: number): void {
    this.#ours.note(source, nowMs);
    this.#foreign.delete(source);
  }

  /** It has asked with another key. @returns whether people should hear of it */
  noteForeign(source: string, nowMs: number): boolean {
    if (this.#ours.has(source, nowMs)) return false;
    const before = this.#foreign.get(source);
    const sinceMs = before === undefined || nowMs - before.lastMs >= gapMs ? nowMs : before.sinceMs;
    this.#foreign.set(source, { sinceMs, lastMs: nowMs });
    const [oldest] = this.#foreign.keys();
    if (this.#foreign.size > maximumSources && oldest !== undefined) this.#foreign.delete(oldest);
    return nowMs - sinceMs >= patienceMs;
  }
}
