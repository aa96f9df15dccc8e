/** What the server is doing, in its own words. Holds no secret. Pure. */
import { formatBytes } from "../../lib/format_bytes.ts";

export interface ClientState {
  readonly name: string;
  readonly mac: string;
  readonly address: string;
}

export type Phase =
  | { readonly kind: "starting" }
  /** The disk cannot be served; asked again when a client comes. */
  | { readonly kind: "refusing"; readonly reason: string }
  | { readonly kind: "waiting" }
  | { readonly kind: "sending"; readonly client: ClientState; readonly doneBytes: number; readonly totalBytes: number }
  | {
    readonly kind: "lent";
    readonly client: ClientState;
    readonly sinceMs: number;
    /** What the desktop writes is thrown away; there may be other guests. */
    readonly isGuest?: true;
  }
  /** The export has ended under this desktop; the disk is not free (lost_export.ts). */
  | { readonly kind: "lost"; readonly client: ClientState; readonly sinceMs: number; readonly reason: string }
  | { readonly kind: "ended" };

/** One sentence. */
export function describePhase(phase: Phase): string {
  switch (phase.kind) {
    case "starting":
      return "Looking at the disk";
    case "refusing":
      return `Cannot serve: ${phase.reason}`;
    case "waiting":
      return "Waiting for a desktop";
    case "sending":
      return `Sending to ${describeClient(phase.client)}: ${formatBytes(phase.doneBytes)} of ${
        formatBytes(phase.totalBytes)
      }`;
    case "lent":
      return describeLent(phase);
    case "lost":
      return `THE DISK IS CUT OFF FROM ITS DESKTOP ${describeClient(phase.client)}: ${phase.reason}. ` +
        "It stays lent: switch that desktop off, then start it from this laptop again, or restart this laptop";
    case "ended":
      return "The desktop is done";
  }
}

function describeLent({ client, sinceMs, isGuest }: Extract<Phase, { kind: "lent" }>): string {
  const since = `${new Date(sinceMs).toISOString().slice(0, 19)}Z`;
  return isGuest
    ? `${describeClient(client)} tries this laptop's system since ${since}; what it changes is thrown away`
    : `${describeClient(client)} has the disk since ${since}`;
}

function describeClient(client: ClientState): string {
  return `"${client.name}" (${client.mac}, ${client.address})`;
}
