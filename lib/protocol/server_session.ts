/**
 * The server's side of a boot exchange after the handshake, as a state machine without I/O.
 *
 * The caller carries the actions out in order and answers those that yield something by an event:
 *   admit            inspect the disk, take the lease    -> admitted | refused
 *   open-boot-entry  open the boot partition             -> entry-opened | passphrase-rejected | refused
 *   stream-archive   send kernel, then initramfs         -> streamed
 *   start-export     start exporting the disk            -> export-started | refused
 * and any that fails by `local-failure`. After `fail` it gives the lease back and closes everything.
 * A passphrase passes through an action and is kept in no state.
 */
import {
  type ArchiveMessage,
  type ClientMessage,
  formatServerMessage,
  type HelloMessage,
  KEY_ID_MAX_DIGITS,
  KEY_IDS_MAX,
  NAME_MAX_BYTES,
  NOTICE_MAX_BYTES,
  NOTICES_MAX,
  PASSPHRASE_TRIES,
  type RefuseCode,
  type RefuseMessage,
  type ServerMessage,
  type SignatureOnWire,
  SIGNER_MAX_BYTES,
  SIGNERS_MAX,
  TITLE_MAX_BYTES,
  type WelcomeMessage,
} from "./boot_exchange.ts";
import type { SessionParameters } from "./session_groups.ts";
import { isOfOtherDate } from "./unknown_groups.ts";
import { type CommonEvent, failureOf, isCommonEvent, type SessionFailure } from "./session_failure.ts";
import { toPrintable } from "../formats/text.ts";

export type ServerState =
  | { readonly name: "awaiting-hello" }
  | { readonly name: "admitting"; readonly hello: HelloMessage }
  | {
    readonly name: "awaiting-request";
    readonly hello: HelloMessage;
    readonly needsPassphrase: boolean;
    readonly triesLeft: number;
  }
  | {
    readonly name: "opening";
    readonly hello: HelloMessage;
    readonly needsPassphrase: boolean;
    readonly triesLeft: number;
  }
  | { readonly name: "streaming"; readonly hello: HelloMessage; readonly archive: ArchiveMessage }
  | { readonly name: "exporting"; readonly hello: HelloMessage; readonly archive: ArchiveMessage }
  | { readonly name: "awaiting-ack"; readonly hello: HelloMessage; readonly archive: ArchiveMessage }
  /** End: the disk is exported to this client, the lease is its. */
  | { readonly name: "serving"; readonly hello: HelloMessage; readonly session: SessionParameters }
  /** End. */
  | { readonly name: "failed"; readonly failure: SessionFailure };

export type ServerEvent =
  | CommonEvent
  | { readonly kind: "received"; readonly message: ClientMessage }
  | ({ readonly kind: "admitted" } & Omit<WelcomeMessage, "kind">)
  | { readonly kind: "refused"; readonly code: RefuseCode; readonly message: string; readonly holder?: string }
  | { readonly kind: "entry-opened"; readonly archive: Omit<ArchiveMessage, "kind"> }
  | { readonly kind: "passphrase-rejected" }
  | { readonly kind: "streamed" }
  | { readonly kind: "export-started" };

export type ServerAction =
  | { readonly kind: "send"; readonly message: ServerMessage }
  | { readonly kind: "admit"; readonly hello: HelloMessage }
  | { readonly kind: "open-boot-entry"; readonly passphrase?: string }
  | { readonly kind: "stream-archive"; readonly archive: ArchiveMessage }
  | { readonly kind: "start-export"; readonly session: SessionParameters }
  | { readonly kind: "fail"; readonly failure: SessionFailure };

export interface ServerStep {
  readonly state: ServerState;
  readonly actions: readonly ServerAction[];
}

/** How long each state may last without an event, in milliseconds; while streaming: without a piece leaving. */
export const SERVER_WAIT_MS: Readonly<Record<ServerState["name"], number>> = {
  // Until the hello has come, the client has not shown that the opening was not a repeated one.
  "awaiting-hello": 10_000,
  "admitting": 60_000,
  // Longer than the client lets a person look for a passphrase.
  "awaiting-request": 11 * 60_000,
  "opening": 3 * 60_000,
  "streaming": 30_000,
  "exporting": 60_000,
  "awaiting-ack": 3 * 60_000,
  "serving": Infinity,
  "failed": Infinity,
};

/** Where every exchange starts: the handshake is done, the client has the word. */
export function startServerSession(): ServerStep {
  return { state: { name: "awaiting-hello" }, actions: [] };
}

/** The state and the actions that follow from an event. Never throws; after an end nothing happens any more. */
export function stepServerSession(state: ServerState, event: ServerEvent): ServerStep {
  if (state.name === "serving" || state.name === "failed") return { state, actions: [] };
  if (isCommonEvent(event)) return onCommon(state, event);
  if (event.kind === "received" && event.message.kind === "ack" && !event.message.ok) {
    return onGivenUp(state, event.message.message);
  }
  switch (state.name) {
    case "awaiting-hello":
      return onHello(event);
    case "admitting":
      return onAdmitted(state, event);
    case "awaiting-request":
      return onRequest(state, event);
    case "opening":
      return onOpened(state, event);
    case "streaming":
      return onStreamed(state, event);
    case "exporting":
      return onExported(state, event);
    case "awaiting-ack":
      return onAck(state, event);
  }
}

type State<Name extends ServerState["name"]> = Extract<ServerState, { name: Name }>;
type OwnEvent = Exclude<ServerEvent, CommonEvent>;

function onCommon(state: ServerState, event: CommonEvent): ServerStep {
  const failure = failureOf(event, "client");
  // Its hello opened: it has the key, and its person should know what to do.
  if (event.kind === "protocol-error" && isOfOtherDate(event.error)) {
    return refuse({ code: "other-version", message: event.error.message }, failure);
  }
  // Before the hello there is no client to tell; a broken connection cannot be used to tell.
  if (event.kind !== "local-failure" || state.name === "awaiting-hello") return fail(failure);
  return refuse({ code: "internal", message: event.message }, failure);
}

/** When a client may say that it does not go on. */
const statesToGiveUpIn: readonly ServerState["name"][] = ["awaiting-request", "streaming", "exporting", "awaiting-ack"];

function onGivenUp(state: ServerState, reason: string | undefined): ServerStep {
  if (!statesToGiveUpIn.includes(state.name)) return unexpected(state.name, '"ack"');
  return fail({ code: "peer-failure", message: `The client gave up: ${reason ?? "it did not say why"}` });
}

function onHello(event: OwnEvent): ServerStep {
  if (event.kind !== "received" || event.message.kind !== "hello") return unexpected("awaiting-hello", describe(event));
  return { state: { name: "admitting", hello: event.message }, actions: [{ kind: "admit", hello: event.message }] };
}

function onAdmitted(state: State<"admitting">, event: OwnEvent): ServerStep {
  if (event.kind === "refused") return refuse(event);
  if (event.kind !== "admitted") return unexpected(state.name, describe(event));
  const { needsPassphrase, kernelSignature, disk: { model, name, sizeBytes } } = event;
  const disk = {
    sizeBytes,
    name: toPrintable(name, NAME_MAX_BYTES),
    ...(model === undefined ? {} : { model: toPrintable(model, NAME_MAX_BYTES) }),
  };
  const signature = toSignatureOnWire(kernelSignature);
  const message: WelcomeMessage = { kind: "welcome", needsPassphrase, disk, ...signature };
  const next: ServerState = {
    name: "awaiting-request",
    hello: state.hello,
    needsPassphrase,
    triesLeft: PASSPHRASE_TRIES,
  };
  return sendChecked(message, { state: next, actions: [] });
}

function onRequest(state: State<"awaiting-request">, event: OwnEvent): ServerStep {
  if (event.kind !== "received" || event.message.kind !== "request") return unexpected(state.name, describe(event));
  const { passphrase } = event.message;
  if ((passphrase !== undefined) !== state.needsPassphrase) {
    return unexpected(
      state.name,
      state.needsPassphrase ? "a request without passphrase" : "a passphrase without a request",
    );
  }
  return {
    state: { ...state, name: "opening" },
    actions: [passphrase === undefined ? { kind: "open-boot-entry" } : { kind: "open-boot-entry", passphrase }],
  };
}

function onOpened(state: State<"opening">, event: OwnEvent): ServerStep {
  if (event.kind === "refused") return refuse(event);
  if (event.kind === "passphrase-rejected" && state.needsPassphrase) return onPassphraseRejected(state);
  if (event.kind !== "entry-opened") return unexpected(state.name, describe(event));
  const archive: ArchiveMessage = {
    ...event.archive,
    kind: "archive",
    entryTitle: toPrintable(event.archive.entryTitle, TITLE_MAX_BYTES),
    notices: event.archive.notices.slice(0, NOTICES_MAX).map((notice) => toPrintable(notice, NOTICE_MAX_BYTES)),
    ...toSignatureOnWire(event.archive.kernelSignature),
  };
  const next: ServerState = { name: "streaming", hello: state.hello, archive };
  return sendChecked(archive, { state: next, actions: [{ kind: "stream-archive", archive }] });
}

/** What a kernel's file says of its signers, within the bounds of the messages; the last name counts. */
function toSignatureOnWire(signature: SignatureOnWire | undefined): { readonly kernelSignature?: SignatureOnWire } {
  if (signature === undefined) return {};
  if (signature.kind !== "signed") return { kernelSignature: signature };
  const names = signature.names.slice(-SIGNERS_MAX).map((name) => toPrintable(name, SIGNER_MAX_BYTES));
  const keyIds = signature.keyIds.filter((id) => id.length <= KEY_ID_MAX_DIGITS).slice(0, KEY_IDS_MAX);
  return { kernelSignature: { kind: "signed", names, keyIds } };
}

function onPassphraseRejected(state: State<"opening">): ServerStep {
  const triesLeft = state.triesLeft - 1;
  if (triesLeft < 1) return refuse({ code: "passphrase-wrong", message: "The passphrase was wrong too often" });
  return {
    state: { ...state, name: "awaiting-request", triesLeft },
    actions: [{ kind: "send", message: { kind: "passphrase-wrong", triesLeft } }],
  };
}

function onStreamed(state: State<"streaming">, event: OwnEvent): ServerStep {
  if (event.kind === "refused") return refuse(event);
  if (event.kind !== "streamed") return unexpected(state.name, describe(event));
  // While the client opens and writes what is still on its way, the export starts. Only this client can reach
  // it.
  return {
    state: { ...state, name: "exporting" },
    actions: [{ kind: "send", message: { kind: "end" } }, {
      kind: "start-export",
      session: state.archive.session,
    }],
  };
}

function onExported(state: State<"exporting">, event: OwnEvent): ServerStep {
  if (event.kind === "refused") return refuse(event);
  if (event.kind !== "export-started") return unexpected(state.name, describe(event));
  return { state: { ...state, name: "awaiting-ack" }, actions: [] };
}

/**
 * Only now: a client boots when the server sends "ready", and from then on the lease is its, whatever becomes of the
 * connection.
 */
function onAck(state: State<"awaiting-ack">, event: OwnEvent): ServerStep {
  if (event.kind !== "received" || event.message.kind !== "ack") return unexpected(state.name, describe(event));
  return {
    state: { name: "serving", hello: state.hello, session: state.archive.session },
    actions: [{ kind: "send", message: { kind: "ready" } }],
  };
}

/**
 * Sends a message made of what this machine found; one that the format refuses ends the exchange with a reason
 * instead.
 */
function sendChecked(message: ServerMessage, step: ServerStep): ServerStep {
  try {
    formatServerMessage(message);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse({ code: "internal", message: `The server cannot express what it found: ${reason}` });
  }
  return { state: step.state, actions: [{ kind: "send", message }, ...step.actions] };
}

function refuse(
  reason: { readonly code: RefuseCode; readonly message: string; readonly holder?: string },
  failure: SessionFailure = reason,
): ServerStep {
  const message: RefuseMessage = {
    kind: "refuse",
    code: reason.code,
    message: toPrintable(reason.message, NOTICE_MAX_BYTES),
    ...(reason.holder === undefined ? {} : { holder: toPrintable(reason.holder, NAME_MAX_BYTES) }),
  };
  const { code, message: text, holder } = failure;
  const failed = fail(holder === undefined ? { code, message: text } : { code, message: text, holder });
  return { state: failed.state, actions: [{ kind: "send", message }, ...failed.actions] };
}

function fail(failure: SessionFailure): ServerStep {
  return { state: { name: "failed", failure }, actions: [{ kind: "fail", failure }] };
}

function describe(event: OwnEvent): string {
  return event.kind === "received" ? `"${event.message.kind}"` : event.kind;
}

function unexpected(name: ServerState["name"], found: string): ServerStep {
  return fail({ code: "unexpected", message: `Got ${found} while ${name.replaceAll("-", " ")}` });
}
