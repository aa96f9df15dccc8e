/**
 * What setting up a host may do to it, as plain values, and what each kind of operation brings with it. Nothing
 * changes a host in any other way. The kinds themselves are in operations/, one file each. See doc/host-changes.md.
 */

import type { FileState } from "./file_state.ts";
import type { Host } from "./host.ts";
import type { HostPath } from "./host_path.ts";

/** What all operations have. */
export interface Described {
  /** Unique within a plan; other operations name it in `needs` and `changedBy`. For files, the path. */
  readonly id: string;
  /** A few words that complete "Shall I …": "write /etc/x". */
  readonly what: string;
  /** One sentence for the person who is asked. */
  readonly why: string;
  /** Operations without which this one makes no sense: skipping one of them skips this one. */
  readonly needs: readonly string[];
}

export type InspectionStatus = "unchanged" | "new" | "changed" | "needed";

export interface Inspection {
  readonly status: InspectionStatus;
  /** What is at the operation's path now, and what will be; for operations on files. */
  readonly before?: FileState;
  readonly after?: FileState;
  /** Lines that show the change, without colour. */
  readonly change: readonly string[];
  /** The user or another program has changed what an earlier run wrote. */
  readonly isForeign: boolean;
}

/**
 * One kind of operation: a row of operations/kinds.ts. What it leaves in the journal is undone by a row of
 * operations/undo_kinds.ts.
 */
export interface OperationKind<Op extends Described> {
  readonly kind: string;
  /**
   * Compares the operation with the host. Changes nothing.
   * @param changed ids of the operations before it that change something
   * @throws {UserError} when something is in the way, or what it needs cannot be read
   */
  inspect(host: Host, operation: Op, changed: ReadonlySet<string>): Promise<Inspection>;
  /**
   * Does it, in steps that can be cut off anywhere: a copy of what is there, the journal, the change itself, the
   * journal again.
   * @throws {ChangedMeanwhile} and changes nothing, when a file is not what `inspection` says
   */
  perform(host: Host, operation: Op, inspection: Inspection): Promise<void>;
  /**
   * Of operations that files make necessary: writes it to the journal before the first of these files is changed, so
   * that a run that ends in between does not forget it.
   */
  note?(host: Host, operation: Op, causes: readonly HostPath[]): Promise<void>;
  /** It is a program: it may have begun without having ended. */
  readonly isProgram: boolean;
}
