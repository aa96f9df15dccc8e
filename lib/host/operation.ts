/** What setting up a host may do to it, as plain values. Nothing changes a host in any other way. See doc/host-changes.md. */

/** An absolute path as the host sees it; with `--root DIR` the file is `DIR` + this path. Only `tree.ts` turns it into a real one. */
export type HostPath = string;

export type FileContent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** A file of the machine we run on, copied as a stream: a kernel, an initrd, an agent. */
  | { readonly kind: "copy-of"; readonly source: string };

interface Described {
  /** Unique within a plan; other operations name it in `needs` and `changedBy`. For files, the path. */
  readonly id: string;
  /** A few words that complete "Shall I …": "write /etc/x". */
  readonly what: string;
  /** One sentence for the person who is asked. */
  readonly why: string;
  /** Operations without which this one makes no sense: skipping one of them skips this one. */
  readonly needs: readonly string[];
}

export interface WriteFile extends Described {
  readonly kind: "write-file";
  readonly path: HostPath;
  readonly content: FileContent;
  /** Permission bits; "any" where the file system has none of its own (FAT). */
  readonly mode: number | "any";
  /** The content is never shown. */
  readonly isSecret: boolean;
}

export interface RemoveFile extends Described {
  readonly kind: "remove-file";
  readonly path: HostPath;
}

export interface EnableUnit extends Described {
  readonly kind: "enable-unit";
  readonly unit: string;
  /** The target of its `WantedBy=`, whose directory of links may have to be made. */
  readonly wantedBy: string;
}

/** Files that a command writes: all in one directory whose names start and end so. */
export interface OutputPattern {
  readonly directory: HostPath;
  readonly startsWith: string;
  readonly endsWith: string;
  /** The command is also done when it has written no such file. */
  readonly isOptional?: boolean;
}

/** A program that brings something up to date from files; running it twice does no harm. */
export interface RunCommand extends Described {
  readonly kind: "run-command";
  readonly argv: readonly string[];
  /** Operations that make it necessary; when none of them changed anything, it is not run. */
  readonly changedBy: readonly string[];
  /** What it writes: kept before, put back by undo when nobody else has written it since. */
  readonly outputs: readonly OutputPattern[];
  /**
   * "repeat": the same command brings things up to date after the files are restored. "nothing": restoring the outputs is all; they are
   * one file each, which nobody else writes but what we have installed, and is called NAME.new until it is done.
   */
  readonly undo: "repeat" | "nothing";
}

/** Restarts a unit of the running system when something it reads has changed. */
export interface RestartUnit extends Described {
  readonly kind: "restart-unit";
  readonly unit: string;
  readonly changedBy: readonly string[];
  /** "stop": undo ends it, also where it was started without being enabled. */
  readonly undo: "repeat" | "nothing" | "stop";
}

export type Operation = WriteFile | RemoveFile | EnableUnit | RunCommand | RestartUnit;

export interface Plan {
  /** What the whole is, for the headline. */
  readonly title: string;
  /** In the order in which they are done; `needs` and `changedBy` point backwards. */
  readonly operations: readonly Operation[];
  /** What the user should know before the first question. */
  readonly notices: readonly string[];
}

/** The command of an operation that runs one, as it is run on the running system. */
export function commandOf(operation: RunCommand | RestartUnit): readonly string[] {
  return operation.kind === "run-command" ? operation.argv : ["systemctl", "restart", operation.unit];
}

/** @throws {TypeError} when ids are not unique or point forward: a plan that could not be carried out in order */
export function checkPlan(plan: Plan): Plan {
  const seen = new Set<string>();
  for (const operation of plan.operations) {
    const named = [...operation.needs, ..."changedBy" in operation ? operation.changedBy : []];
    const unknown = named.filter((id) => !seen.has(id));
    if (unknown.length > 0) throw new TypeError(`"${operation.id}" names what does not come before it: ${unknown}`);
    if (seen.has(operation.id)) throw new TypeError(`Two operations are called "${operation.id}"`);
    seen.add(operation.id);
  }
  return plan;
}
