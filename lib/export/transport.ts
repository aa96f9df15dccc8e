/** What a transport is: how a disk gets to a desktop, behind one face. lib/export/export.ts lists them. */
import type { DiskReport } from "../disk/inspect_disk.ts";
import type { Engine } from "../formats/engine.ts";
import type { SessionParameters } from "../protocol/session_groups.ts";
import type { System } from "../system/system.ts";
import type { ExportState } from "./export_state.ts";
import type { TransportName } from "./needs.ts";

/** How long an export waits for its desktop, which starts a whole kernel before it connects. */
export const firstConnectionTimeoutMs = 15 * 60_000;

/** Why an export is over. */
export type ExportEnd =
  /** The desktop said goodbye. */
  | { readonly reason: "disconnected" }
  /** {@link RunningExport.stop} was called. */
  | { readonly reason: "stopped" }
  /** It ended by itself before any desktop came, or no desktop came in time. */
  | { readonly reason: "failed"; readonly message: string }
  /** It ended by itself (killed, out of memory) and a desktop had the disk: it may still believe so. */
  | { readonly reason: "lost"; readonly message: string };

/** Disposing of it stops it. */
export interface RunningExport extends AsyncDisposable {
  /**
   * When it resolves, nothing serves the disk any more and what was written is on it. Rejects where that could not be
   * brought about.
   */
  readonly exited: Promise<ExportEnd>;
  /** Where it rejects, the disk may still be served; then it can be called again. */
  stop(): Promise<void>;
}

/** An export that an agent before this one has started. */
export type Adoption =
  | { readonly kind: "running"; readonly running: RunningExport }
  /** It ended while no agent ran. */
  | { readonly kind: "over"; readonly end: ExportEnd };

export interface ExportEvents {
  /** Called when the desktop comes (true), or is gone without a goodbye and may come back (false). */
  readonly onConnected?: (isConnected: boolean) => void;
  /** Called with the reason when the disk fails to read or write. */
  readonly onDiskError?: (message: string) => void;
}

export interface ExportContext extends ExportEvents {
  /**
   * Where a transport keeps its notes for an agent that is started later: a directory that is gone after a restart of
   * the machine.
   */
  readonly directory: string;
}

/** The two ends of the way that the disk takes. */
export interface Ends {
  readonly serverAddress: string;
  /** With its prefix length. */
  readonly clientAddress: string;
  /** The one address that may connect. */
  readonly allowAddress: string;
  readonly gateway?: string | undefined;
  readonly mtu?: number | undefined;
}

/** What the desktop needs to attach the disk. */
export type DiskParameters = SessionParameters["disk"];

interface NamedSettings extends Pick<ExportNote, "disk" | "exportName"> {
  readonly transport: TransportName;
  /** The network namespace in which it listens: that of a tunnel. Absent: our own. */
  readonly namespace?: string;
}

/** @typeParam Settings what `start` takes; it names its transport */
export interface Transport<Settings extends NamedSettings> {
  /** Bytes of {@link PlanInputs.random} that it takes. */
  readonly randomBytes: number;
  /** What the desktop learns, and what is started for it. Pure. */
  plan(inputs: PlanInputs): { readonly parameters: DiskParameters; readonly settings: Settings };
  /** @throws {UserError} when the export does not start */
  start(system: System, settings: Settings, context: ExportContext): Promise<RunningExport>;
  /** Takes over what an agent before this one has started. */
  adopt(system: System, state: ExportNote, context: ExportContext): Promise<Adoption>;
  /** Whether a desktop has, or had, the disk and nothing tells that it is done with it. */
  mayBeHeld(system: System, context: Pick<ExportContext, "directory">): Promise<boolean>;
  /** Removes the notes of an export that is over. */
  forget(system: System, context: Pick<ExportContext, "directory">): Promise<void>;
}

/** What an agent needs to find the export of the one before it. */
export type ExportNote = Pick<ExportState, "disk" | "exportName" | "wasUsed">;

export interface PlanInputs {
  readonly ends: Ends;
  readonly disk: DiskReport;
  readonly random: Uint8Array;
  /** Number of the session among those at the same time; 0: it is the only one. Ports of a machine are one for each. */
  readonly slot: number;
  /** What lends the disk in place of the laptop. */
  readonly engine?: Engine;
}
