/** How a boot exchange ends when it does not end well: the same words on both sides. */
import type { ProtocolError, ProtocolErrorCode } from "../errors.ts";
import type { RefuseCode } from "./boot_exchange.ts";

export type FailureCode =
  | ProtocolErrorCode
  | RefuseCode
  | "closed"
  | "timeout"
  | "local-failure"
  | "peer-failure";

export interface SessionFailure {
  readonly code: FailureCode;
  /** For people: starts with a capital, no full stop, no secrets. */
  readonly message: string;
  /** Who has the disk, when that is the reason. */
  readonly holder?: string;
}

/** What may happen to either side at any moment. */
export type CommonEvent =
  /** The connection ended. */
  | { readonly kind: "closed" }
  /** Nothing happened for as long as the state may last. */
  | { readonly kind: "timeout" }
  /** Bytes came in that are no message. */
  | { readonly kind: "protocol-error"; readonly error: ProtocolError }
  /** An action could not be carried out; the message may be shown to the peer. */
  | { readonly kind: "local-failure"; readonly message: string };

/** The failure a common event means. */
export function failureOf(event: CommonEvent, peer: "client" | "server"): SessionFailure {
  switch (event.kind) {
    case "closed":
      return { code: "closed", message: `The ${peer} closed the connection before the exchange was done` };
    case "timeout":
      return { code: "timeout", message: `The ${peer} did not answer in time` };
    case "protocol-error":
      return { code: event.error.code, message: event.error.message };
    case "local-failure":
      return { code: "local-failure", message: event.message };
  }
}

export function isCommonEvent(event: { readonly kind: string }): event is CommonEvent {
  return ["closed", "timeout", "protocol-error", "local-failure"].includes(event.kind);
}
