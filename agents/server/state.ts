/**
 * What the server is doing, for the console, and for people and monitoring through port 4645. Holds no secret. Pure.
 */
import type { Page, PageRequest } from "../../lib/net/status_page.ts";
import { formatBytes } from "../../lib/format_bytes.ts";

/** TCP port of the state page. */
export const statePagePort = 4645;

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
  | { readonly kind: "lent"; readonly client: ClientState; readonly sinceMs: number }
  /** The export has ended under this desktop; the disk is not free (lost_export.ts). */
  | { readonly kind: "lost"; readonly client: ClientState; readonly sinceMs: number; readonly reason: string }
  | { readonly kind: "ended" };

export interface StateReport {
  readonly name: string;
  readonly version: string;
  readonly phase: Phase;
  readonly disk?: { readonly path: string; readonly model?: string; readonly sizeBytes: number };
  /** Names of links and addresses where clients are answered. */
  readonly listening: readonly string[];
}

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
      return `${describeClient(phase.client)} has the disk since ${
        new Date(phase.sinceMs).toISOString().slice(0, 19)
      }Z`;
    case "lost":
      return `THE DISK IS CUT OFF FROM ITS DESKTOP ${describeClient(phase.client)}: ${phase.reason}. ` +
        "It stays lent: switch that desktop off, then start it from this laptop again, or restart this laptop";
    case "ended":
      return "The desktop is done";
  }
}

function describeClient(client: ClientState): string {
  return `"${client.name}" (${client.mac}, ${client.address})`;
}

/** "Samsung SSD 980 (/dev/nvme0n1), 1.0 TB" */
export function describeDisk(disk: NonNullable<StateReport["disk"]>): string {
  const name = disk.model === undefined ? disk.path : `${disk.model} (${disk.path})`;
  return `${name}, ${formatBytes(disk.sizeBytes)}`;
}

/** Text for people; JSON when the Accept header prefers it. */
export function answerStateRequest(state: StateReport, request: PageRequest): Page {
  if (request.accept.startsWith("application/json")) {
    return { status: 200, contentType: "application/json", body: `${JSON.stringify(state)}\n` };
  }
  const lines = [
    `stiefelsystem server "${state.name}", version ${state.version}`,
    `state:     ${describePhase(state.phase)}`,
    `disk:      ${state.disk === undefined ? "none yet" : describeDisk(state.disk)}`,
    `listening: ${state.listening.length === 0 ? "on no link yet" : state.listening.join(", ")}`,
  ];
  return { status: 200, contentType: "text/plain; charset=utf-8", body: `${lines.join("\n")}\n` };
}
