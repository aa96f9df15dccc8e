/**
 * How a laptop's own system becomes a server, as a state machine without I/O: what asks for it, the announcement, the
 * countdown in which people at the laptop may say no, and what happens when it does not work.
 *
 * The caller carries out the actions in order. "load" is answered by `loaded` or `load-failed`,
 * "start-countdown" by `countdown-over`, "execute" by `execute-failed` if the machine goes on running. The one way to
 * "execute" is listening -> loading -> counting-down -> executing: nothing shuts down before a kernel is loaded.
 */
import type { ServerPresence } from "./discovery.ts";

/** What asks for it. */
export type AutokexecTrigger =
  /** A desktop that has proven the shared key. */
  | { readonly kind: "claim"; readonly desktopName: string }
  /** A network card of the settings was plugged in. */
  | { readonly kind: "card"; readonly mac: string };

export type AutokexecState =
  | { readonly name: "listening" }
  | { readonly name: "loading"; readonly trigger: AutokexecTrigger }
  | { readonly name: "counting-down" }
  | { readonly name: "executing" }
  /** A user said no, or it did not work: the agent ignores desktops until then. */
  | { readonly name: "declining"; readonly untilMs: number };

export type AutokexecEvent =
  | { readonly kind: "triggered"; readonly trigger: AutokexecTrigger }
  | { readonly kind: "loaded" }
  | { readonly kind: "load-failed"; readonly message: string }
  | { readonly kind: "countdown-over" }
  /** A user at the laptop said no. */
  | { readonly kind: "cancelled" }
  /**
   * The machine was suspended during the countdown: the user who read the announcement may be elsewhere, and so may
   * the desktop.
   */
  | { readonly kind: "slept" }
  | { readonly kind: "execute-failed"; readonly message: string }
  /** The system stops the agent; while executing that is the shutdown itself. */
  | { readonly kind: "stopped" };

export type AutokexecAction =
  /** Load the image's kernel, so that nothing is shut down in vain. */
  | { readonly kind: "load" }
  /** Take the loaded kernel out again: the next restart is an ordinary one. */
  | { readonly kind: "unload" }
  /** Tell everybody at this machine. `isCancellable`: offer to say no. */
  | { readonly kind: "announce"; readonly text: string; readonly isCancellable: boolean }
  | { readonly kind: "start-countdown"; readonly seconds: number }
  /** Shut down, into the loaded kernel. */
  | { readonly kind: "execute" }
  /** For the journal alone. */
  | { readonly kind: "report"; readonly text: string };

export interface AutokexecStep {
  readonly state: AutokexecState;
  readonly actions: readonly AutokexecAction[];
}

export interface AutokexecMoment {
  /** A clock that never goes back. */
  readonly nowMs: number;
  readonly countdownSeconds: number;
}

/** How long the agent ignores desktops after a no or a failure; they would ask again every few seconds. */
export const DECLINE_MS = 10 * 60_000;
/** How people at the laptop say no without a desktop session. */
const CANCEL_COMMAND = "systemctl stop stiefel-autokexec";

/** What offers say at the moment. */
export function presenceOf(state: AutokexecState, nowMs: number): ServerPresence {
  return state.name === "declining" && nowMs < state.untilMs ? "declining" : "installed-os";
}

/**
 * The state and the actions that follow from an event. Never throws; an event that does not fit the state changes
 * nothing.
 */
export function stepAutokexec(state: AutokexecState, event: AutokexecEvent, moment: AutokexecMoment): AutokexecStep {
  switch (state.name) {
    case "listening":
      return onTrigger(state, event);
    case "declining":
      return moment.nowMs < state.untilMs ? stay(state) : onTrigger(state, event);
    case "loading":
      return onLoaded(state, event, moment);
    case "counting-down":
      return onCountdown(state, event, moment);
    case "executing":
      return event.kind === "execute-failed"
        ? decline(moment, [unload, report(event.message), announce("The restart as a stiefelsystem did not work")])
        : stay(state);
  }
}

function onTrigger(state: AutokexecState, event: AutokexecEvent): AutokexecStep {
  if (event.kind !== "triggered") return stay(state);
  const { trigger } = event;
  return {
    state: { name: "loading", trigger },
    actions: [report(`${describeTrigger(trigger)}: loading the image`), { kind: "load" }],
  };
}

function onLoaded(
  state: Extract<AutokexecState, { name: "loading" }>,
  event: AutokexecEvent,
  moment: AutokexecMoment,
): AutokexecStep {
  switch (event.kind) {
    case "loaded":
      return {
        state: { name: "counting-down" },
        actions: [
          {
            kind: "announce",
            text: formatAnnouncement(state.trigger, moment.countdownSeconds),
            isCancellable: moment.countdownSeconds > 0,
          },
          { kind: "start-countdown", seconds: moment.countdownSeconds },
        ],
      };
    case "load-failed":
      return decline(moment, [unload, report(`Nothing is restarted: ${event.message}`)]);
    case "stopped":
      return { state: { name: "listening" }, actions: [unload] };
    default:
      return stay(state);
  }
}

function onCountdown(state: AutokexecState, event: AutokexecEvent, moment: AutokexecMoment): AutokexecStep {
  switch (event.kind) {
    case "countdown-over":
      return { state: { name: "executing" }, actions: [report("Restarting as a stiefelsystem"), { kind: "execute" }] };
    case "cancelled":
      return decline(moment, [
        unload,
        announce(`Cancelled: this computer goes on; the agent ignores desktops for ${DECLINE_MS / 60_000} minutes`),
      ]);
    case "slept":
      return {
        state: { name: "listening" },
        actions: [unload, announce("Cancelled: this computer was asleep meanwhile, and goes on")],
      };
    case "stopped":
      return { state: { name: "listening" }, actions: [unload, announce("Cancelled: this computer goes on")] };
    default:
      return stay(state);
  }
}

const unload: AutokexecAction = { kind: "unload" };

function report(text: string): AutokexecAction {
  return { kind: "report", text };
}

function announce(text: string): AutokexecAction {
  return { kind: "announce", text, isCancellable: false };
}

function stay(state: AutokexecState): AutokexecStep {
  return { state, actions: [] };
}

function decline({ nowMs }: AutokexecMoment, actions: readonly AutokexecAction[]): AutokexecStep {
  return { state: { name: "declining", untilMs: nowMs + DECLINE_MS }, actions };
}

function describeTrigger(trigger: AutokexecTrigger): string {
  return trigger.kind === "claim"
    ? `The desktop "${trigger.desktopName}" asks for this computer's disk`
    : `The network card ${trigger.mac} was plugged in`;
}

/** In lines that wall(1) does not have to break. */
function formatAnnouncement(trigger: AutokexecTrigger, seconds: number): string {
  const what = describeTrigger(trigger);
  if (seconds === 0) return `${what}.\nThe computer restarts as a stiefelsystem now.`;
  const when = seconds === 1 ? "1 second" : `${seconds} seconds`;
  return `${what}.\nThe computer restarts as a stiefelsystem in ${when}.\nTo prevent that: sudo ${CANCEL_COMMAND}`;
}
