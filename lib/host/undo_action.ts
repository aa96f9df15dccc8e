/** What undo does about one entry of the journal, as a plain value. */

import type { Proposal } from "./ask.ts";
import type { FileState } from "./file_state.ts";
import type { Host } from "./host.ts";
import type { CommandEntry, FileEntry, JournalEntry, UnitEntry } from "./journal.ts";

export type UndoAction =
  /** There is nothing to take back; the entry goes. */
  | { readonly kind: "forget"; readonly entry: JournalEntry }
  /** There is nothing to do now; the entry stays for a later undo. */
  | { readonly kind: "nothing"; readonly entry: JournalEntry }
  /** A unit that the user leaves needs the file. */
  | { readonly kind: "keep-file"; readonly entry: FileEntry; readonly unit: string }
  /** The user or another program has changed the file; undo tells the user how to put it right. */
  | { readonly kind: "leave-file"; readonly entry: FileEntry; readonly current: FileState }
  | { readonly kind: "restore-file"; readonly entry: FileEntry; readonly current: FileState }
  | { readonly kind: "disable-unit"; readonly entry: UnitEntry; readonly isStopped: boolean }
  | {
    readonly kind: "stop-unit";
    readonly entry: CommandEntry;
    readonly unit: string;
    /** It was enabled before setup-server. */
    readonly startsAtBoot: boolean;
  }
  | {
    readonly kind: "undo-command";
    /** With all that it has written. */
    readonly entry: CommandEntry;
    readonly isRepeated: boolean;
    /**
     * A file that it reads is left: what the repetition writes is right, and what was there before is not put back.
     */
    readonly keepsResult: boolean;
  };

/** One thing that undo does after a question. */
export interface UndoKind<Action extends UndoAction> {
  readonly kind: Action["kind"];
  propose(host: Host, action: Action): Promise<Omit<Proposal, "position">>;
  /** @throws {ChangedMeanwhile} when a file is not what the action says; it may be looked at again */
  perform(host: Host, action: Action): Promise<void>;
}
