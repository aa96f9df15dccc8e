/** How the state of a running step is put into words. Pure. */

import { formatBytes } from "../format_bytes.ts";

/** Seconds for people: "0.4 s", "12 s", "3 min 05 s". */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 100 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

export interface ProgressState {
  readonly title: string;
  readonly unit: "bytes" | "steps" | "seconds";
  readonly done: number | undefined;
  readonly total: number | undefined;
  readonly note: string;
  readonly elapsedSeconds: number;
}

/** One line that says how far a step is: share, rate and remaining time as far as they are known. */
export function describeProgress(state: ProgressState): string {
  const parts: string[] = [];
  const { done, total, elapsedSeconds } = state;
  if (done !== undefined) {
    const amount = (value: number): string =>
      state.unit === "bytes" ? formatBytes(value) : state.unit === "seconds" ? formatDuration(value) : String(value);
    parts.push(total === undefined ? amount(done) : `${amount(done)} of ${amount(total)}`);
    if (state.unit === "bytes" && elapsedSeconds >= 1) parts.push(`${formatBytes(done / elapsedSeconds)}/s`);
    if (total !== undefined && done > 0 && done < total && elapsedSeconds >= 2) {
      parts.push(`${formatDuration(elapsedSeconds * (total - done) / done)} left`);
    }
  }
  if (state.note !== "") parts.push(state.note);
  if (done === undefined) parts.push(formatDuration(elapsedSeconds));
  return `${state.title}: ${parts.join(", ")}`;
}
