/**
 * The client's side of a boot exchange after the handshake, as a state machine without I/O.
 *
 * The caller carries the actions out one after the other before it hands in the next event. An action that
 * yields something is answered by its event (review: reviewed; ask-passphrase: passphrase; finish: finished); one that
 * fails by `local-failure`. The one way to `boot` is through every state below, in order.
 */
import {
  type AckMessage,
  type ArchiveMessage,
  type ArchivePart,
  type ClientMessage,
  type HelloMessage,
  listArchiveParts,
  measureArchive,
  NOTICE_MAX_BYTES,
  PASSPHRASE_TRIES,
  type RefuseMessage,
  type ServerMessage,
  type ServerPlaintext,
  type WelcomeMessage,
} from "./boot_exchange.ts";
import { type CommonEvent, failureOf, isCommonEvent, type SessionFailure } from "./session_failure.ts";
import { toPrintable } from "../formats/text.ts";

export type ClientState =
  | { readonly name: "awaiting-welcome" }
  /** The desktop looks at what the laptop says, before anything of worth is sent. */
  | { readonly name: "reviewing"; readonly welcome: WelcomeMessage }
  | { readonly name: "awaiting-passphrase"; readonly welcome: WelcomeMessage; readonly triesLeft: number }
  | { readonly name: "awaiting-archive"; readonly welcome: WelcomeMessage; readonly triesLeft: number }
  | { readonly name: "receiving"; readonly archive: ArchiveMessage; readonly receivedBytes: number }
  | { readonly name: "finishing"; readonly archive: ArchiveMessage }
  | { readonly name: "awaiting-ready"; readonly archive: ArchiveMessage }
  /** End: the archive was handed over to be booted. */
  | { readonly name: "booting"; readonly archive: ArchiveMessage }
  /** End. */
  | { readonly name: "failed"; readonly failure: SessionFailure };

export type ClientEvent =
  | CommonEvent
  | { readonly kind: "received"; readonly plaintext: ServerPlaintext }
  /** The laptop is the one that is meant, and may be booted. */
  | { readonly kind: "reviewed" }
  | { readonly kind: "passphrase"; readonly passphrase: string }
  /** All of it is stored, the session file with it. */
  | { readonly kind: "finished" };

export type ClientAction =
  | { readonly kind: "send"; readonly message: ClientMessage }
  /** See whether to go on: answered by `reviewed` or `local-failure`. */
  | { readonly kind: "review"; readonly welcome: WelcomeMessage }
  /** `isRetry`: the one before was wrong. */
  | { readonly kind: "ask-passphrase"; readonly triesLeft: number; readonly isRetry: boolean }
  /** See that the kernel may be started and that there is memory for the archive, and open where it goes. */
  | { readonly kind: "prepare"; readonly archive: ArchiveMessage }
  /** Append to a part; the bytes belong to the code that stores them. */
  | { readonly kind: "store"; readonly part: ArchivePart; readonly bytes: Uint8Array }
  /** Add the session file to the initramfs, close the parts and load what is to be started. */
  | { readonly kind: "finish"; readonly archive: ArchiveMessage }
  | { readonly kind: "boot"; readonly archive: ArchiveMessage }
  /** Show the failure, close the connection, drop what was stored. */
  | { readonly kind: "fail"; readonly failure: SessionFailure };

export interface ClientStep {
  readonly state: ClientState;
  readonly actions: readonly ClientAction[];
}

/** How long each state may last without an event, in milliseconds; while receiving: without a piece. */
export const CLIENT_WAIT_MS: Readonly<Record<ClientState["name"], number>> = {
  "awaiting-welcome": 60_000,
  "reviewing": 60_000,
  // A person looks for a passphrase.
  "awaiting-passphrase": 10 * 60_000,
  // Opening LUKS takes the server seconds, much longer in an emulator.
  "awaiting-archive": 3 * 60_000,
  "receiving": 30_000,
  "finishing": 60_000,
  "awaiting-ready": 60_000,
  "booting": Infinity,
  "failed": Infinity,
};

/** The first step of an exchange: says hello. */
export function startClientSession(hello: HelloMessage): ClientStep {
  return { state: { name: "awaiting-welcome" }, actions: [{ kind: "send", message: hello }] };
}

/** The state and the actions that follow from an event. Never throws; after an end nothing happens any more. */
export function stepClientSession(state: ClientState, event: ClientEvent): ClientStep {
  if (state.name === "booting" || state.name === "failed") return { state, actions: [] };
  if (isCommonEvent(event)) return failAndTell(state, failureOf(event, "server"));
  if (event.kind === "received" && event.plaintext.kind === "control" && event.plaintext.message.kind === "refuse") {
    return fail(failureOfRefusal(event.plaintext.message));
  }
  switch (state.name) {
    case "awaiting-welcome":
      return onWelcome(event);
    case "reviewing":
      return onReviewed(state, event);
    case "awaiting-passphrase":
      return onPassphrase(state, event);
    case "awaiting-archive":
      return onArchive(state, event);
    case "receiving":
      return onPiece(state, event);
    case "finishing":
      return onFinished(state, event);
    case "awaiting-ready":
      return onReady(state, event);
  }
}

type State<Name extends ClientState["name"]> = Extract<ClientState, { name: Name }>;
type OwnEvent = Exclude<ClientEvent, CommonEvent>;

function onWelcome(event: OwnEvent): ClientStep {
  const message = messageOf(event);
  if (message?.kind !== "welcome") return unexpected("awaiting-welcome", event);
  return { state: { name: "reviewing", welcome: message }, actions: [{ kind: "review", welcome: message }] };
}

function onReviewed({ name, welcome }: State<"reviewing">, event: OwnEvent): ClientStep {
  if (event.kind !== "reviewed") return unexpected(name, event);
  if (!welcome.needsPassphrase) {
    return {
      state: { name: "awaiting-archive", welcome, triesLeft: 0 },
      actions: [{ kind: "send", message: { kind: "request" } }],
    };
  }
  return {
    state: { name: "awaiting-passphrase", welcome, triesLeft: PASSPHRASE_TRIES },
    actions: [{ kind: "ask-passphrase", triesLeft: PASSPHRASE_TRIES, isRetry: false }],
  };
}

function onPassphrase(state: State<"awaiting-passphrase">, event: OwnEvent): ClientStep {
  if (event.kind !== "passphrase") return unexpected(state.name, event);
  return {
    state: { name: "awaiting-archive", welcome: state.welcome, triesLeft: state.triesLeft - 1 },
    actions: [{ kind: "send", message: { kind: "request", passphrase: event.passphrase } }],
  };
}

function onArchive(state: State<"awaiting-archive">, event: OwnEvent): ClientStep {
  const message = messageOf(event);
  if (message?.kind === "archive") {
    return {
      state: { name: "receiving", archive: message, receivedBytes: 0 },
      actions: [{ kind: "prepare", archive: message }],
    };
  }
  // The server counts; a count that does not go down with ours would have us ask for ever.
  if (message?.kind === "passphrase-wrong" && message.triesLeft === state.triesLeft) {
    return {
      state: { name: "awaiting-passphrase", welcome: state.welcome, triesLeft: state.triesLeft },
      actions: [{ kind: "ask-passphrase", triesLeft: state.triesLeft, isRetry: true }],
    };
  }
  return unexpected(state.name, event);
}

function onPiece(state: State<"receiving">, event: OwnEvent): ClientStep {
  if (event.kind !== "received") return unexpected(state.name, event);
  return event.plaintext.kind === "data" ? onData(state, event.plaintext.bytes) : onEnd(state, event);
}

function onData(state: State<"receiving">, bytes: Uint8Array): ClientStep {
  let end = 0;
  let part: ArchivePart = "kernel";
  for (const next of listArchiveParts(state.archive)) {
    part = next.part;
    end += next.sizeBytes;
    if (state.receivedBytes < end) break;
  }
  const receivedBytes = state.receivedBytes + bytes.length;
  if (receivedBytes > end) {
    return failAndTell(state, { code: "oversize", message: `The server sent more than the announced ${part}` });
  }
  return { state: { ...state, receivedBytes }, actions: [{ kind: "store", part, bytes }] };
}

function onEnd(state: State<"receiving">, event: OwnEvent): ClientStep {
  const message = messageOf(event);
  if (message?.kind !== "end") return unexpected(state.name, event);
  const wantedBytes = measureArchive(state.archive);
  if (state.receivedBytes !== wantedBytes) {
    const found = `The server ended the transfer after ${state.receivedBytes} of ${wantedBytes} bytes`;
    return failAndTell(state, { code: "truncated", message: found });
  }
  return {
    state: { name: "finishing", archive: state.archive },
    actions: [{ kind: "finish", archive: state.archive }],
  };
}

function onFinished(state: State<"finishing">, event: OwnEvent): ClientStep {
  if (event.kind !== "finished") return unexpected(state.name, event);
  return {
    state: { name: "awaiting-ready", archive: state.archive },
    actions: [{ kind: "send", message: { kind: "ack", ok: true } }],
  };
}

function onReady(state: State<"awaiting-ready">, event: OwnEvent): ClientStep {
  if (messageOf(event)?.kind !== "ready") return unexpected(state.name, event);
  return { state: { name: "booting", archive: state.archive }, actions: [{ kind: "boot", archive: state.archive }] };
}

function messageOf(event: OwnEvent): ServerMessage | undefined {
  return event.kind === "received" && event.plaintext.kind === "control" ? event.plaintext.message : undefined;
}

function fail(failure: SessionFailure): ClientStep {
  return { state: { name: "failed", failure }, actions: [{ kind: "fail", failure }] };
}

/** States in which the server waits for the client, or for the outcome. */
const statesToTellIn: readonly ClientState["name"][] = ["reviewing", "awaiting-passphrase", "receiving", "finishing"];

/** Fails, and where the server waits and the connection may still work, says why. */
function failAndTell(state: ClientState, failure: SessionFailure): ClientStep {
  if (!statesToTellIn.includes(state.name) || failure.code === "closed") return fail(failure);
  const message: AckMessage = { kind: "ack", ok: false, message: toPrintable(failure.message, NOTICE_MAX_BYTES) };
  const failed = fail(failure);
  return { state: failed.state, actions: [{ kind: "send", message }, ...failed.actions] };
}

function failureOfRefusal({ code, message, holder }: RefuseMessage): SessionFailure {
  return holder === undefined ? { code, message } : { code, message, holder };
}

function unexpected(name: ClientState["name"], event: OwnEvent): ClientStep {
  const found = event.kind !== "received"
    ? event.kind
    : event.plaintext.kind === "data"
    ? "a piece of the archive"
    : `"${event.plaintext.message.kind}"`;
  return fail({ code: "unexpected", message: `Got ${found} while ${name.replaceAll("-", " ")}` });
}
