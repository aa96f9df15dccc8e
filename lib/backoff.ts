/**
 * Waits between tries that grow from quick to bounded, so that a short trouble costs little and a long one floods
 * nothing.
 */
export interface Backoff {
  /** How long to wait before the next try. */
  next(): number;
  /** Something worked: start with the short wait again. */
  reset(): void;
}

export function createBackoff(options: { readonly firstMs: number; readonly maximumMs: number }): Backoff {
  let waitMs = options.firstMs;
  return {
    next: () => {
      const current = waitMs;
      waitMs = Math.min(waitMs * 2, options.maximumMs);
      return current;
    },
    reset: () => {
      waitMs = options.firstMs;
    },
  };
}
