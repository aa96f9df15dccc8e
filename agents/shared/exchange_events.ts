/** What can go wrong while a session is driven, as the events both session machines know. */
import { describeError, ProtocolError, UserError } from "../../lib/errors.ts";
import { IdleTimeout } from "../../lib/net/stream.ts";
import type { CommonEvent } from "../../lib/protocol/session_failure.ts";

/** Trouble with the connection or with what came over it. */
export function eventOfConnectionError(error: unknown): CommonEvent {
  if (error instanceof ProtocolError) return { kind: "protocol-error", error };
  if (error instanceof IdleTimeout) return { kind: "timeout" };
  return { kind: "closed" };
}

/** Trouble on this machine; the first line of the message goes to the peer as well. */
export function eventOfLocalError(error: unknown): CommonEvent {
  const hint = error instanceof UserError ? error.hints[0] : undefined;
  return { kind: "local-failure", message: describeError(error) + (hint === undefined ? "" : `. ${hint}`) };
}
