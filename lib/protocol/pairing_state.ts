/**
 * How long a laptop takes a code, and how often a wrong one. A code is made when a desktop asks for it, and is good for
 * ten minutes and one desktop. When it was not used, or after three wrong ones, no code is taken until a person at the
 * laptop wants a new one. Pure.
 */

export type PairingState =
  /** No code is shown. */
  | { readonly kind: "idle" }
  /** A code is shown. */
  | { readonly kind: "open"; readonly untilMs: number; readonly triesLeft: number }
  /** No code is taken. */
  | { readonly kind: "over"; readonly why: "time" | "tries" };

export type PairingFact =
  /** A desktop asks. */
  | { readonly kind: "asked" }
  /** A desktop tries a code; whether it fits is seen afterwards, so that tries at the same time count as well. */
  | { readonly kind: "tried" }
  /** The code fitted. */
  | { readonly kind: "fitted" }
  /** A person at the laptop wants a new code. */
  | { readonly kind: "renewed" }
  | { readonly kind: "time-passed" };

export const PAIRING_TRIES = 3;
export const PAIRING_MS = 10 * 60_000;

export interface PairingStep {
  readonly state: PairingState;
  /** A code is made and shown, in place of an earlier one. */
  readonly makesCode: boolean;
  /** The desktop that asks or tries goes on. */
  readonly isAdmitted: boolean;
}

export const startPairingState: PairingState = { kind: "idle" };

export function stepPairing(former: PairingState, fact: PairingFact, nowMs: number): PairingStep {
  const state: PairingState = former.kind === "open" && nowMs >= former.untilMs
    ? { kind: "over", why: "time" }
    : former;
  const stay = { state, makesCode: false, isAdmitted: false };
  const open = { kind: "open", untilMs: nowMs + PAIRING_MS, triesLeft: PAIRING_TRIES } as const;
  switch (fact.kind) {
    case "time-passed":
      return stay;
    case "renewed":
      return { state: open, makesCode: true, isAdmitted: false };
    case "asked":
      if (state.kind === "idle") return { state: open, makesCode: true, isAdmitted: true };
      if (state.kind === "open" && state.triesLeft === 0) return stay;
      return { ...stay, isAdmitted: state.kind === "open" };
    case "tried":
      if (state.kind !== "open" || state.triesLeft === 0) return stay;
      return { ...stay, state: { ...state, triesLeft: state.triesLeft - 1 }, isAdmitted: true };
    case "fitted":
      return { ...stay, state: startPairingState };
  }
}

/** A try did not fit. */
export function endTries(state: PairingState): PairingState {
  return state.kind === "open" && state.triesLeft === 0 ? { kind: "over", why: "tries" } : state;
}
