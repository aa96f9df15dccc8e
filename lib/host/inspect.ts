/** Compares an operation with the host: what is there, what would be there, and how the difference reads. Changes nothing. */

import { createHash } from "node:crypto";
import { commandToType } from "../command_to_type.ts";
import { quoteCommand, UserError } from "../errors.ts";
import { decodeText, describeChange, maximumDiffBytes, type Side } from "./diff.ts";
import { type FileState, isSameState } from "./file_state.ts";
import type { Host } from "./host.ts";
import { authorOf, findCommand, findFile } from "./journal.ts";
import {
  commandOf,
  type FileContent,
  type HostPath,
  type Operation,
  type RemoveFile,
  type RestartUnit,
  type RunCommand,
  type WriteFile,
} from "./operation.ts";
import { hashFile } from "./tree.ts";

export type InspectionStatus = "unchanged" | "new" | "changed" | "needed";

export interface Inspection {
  readonly status: InspectionStatus;
  /** What is at the operation's path now, and what will be; for operations on files. */
  readonly before?: FileState;
  readonly after?: FileState;
  /** Lines that show the change, without colour. */
  readonly change: readonly string[];
  /** Somebody else has changed what an earlier run wrote. */
  readonly isForeign: boolean;
}

/**
 * @param changed ids of the operations before it that change something
 * @throws {UserError} when something that is no file is in the way, or a file to be installed cannot be read
 */
export async function inspect(host: Host, operation: Operation, changed: ReadonlySet<string>): Promise<Inspection> {
  switch (operation.kind) {
    case "write-file":
    case "remove-file":
      return await inspectFile(host, operation);
    case "enable-unit":
      return { status: await isEnabled(host, operation.unit) ? "unchanged" : "needed", change: [], isForeign: false };
    case "run-command":
    case "restart-unit": {
      const hasCause = operation.changedBy.some((id) => changed.has(id));
      const isNeeded = hasCause || await isOutdated(host, operation);
      return { status: isNeeded ? "needed" : "unchanged", change: describeCommand(host, operation), isForeign: false };
    }
  }
}

/** Whether a command has to run although nothing it reads changes now. */
async function isOutdated(host: Host, operation: RunCommand | RestartUnit): Promise<boolean> {
  const known = findCommand(host.journal.current, operation.id);
  if (known?.isNeeded) return true;
  if (operation.kind === "restart-unit") return false;
  // Another kernel than the last time.
  if (known?.hasRun && known.argv.join("\0") !== operation.argv.join("\0")) return true;
  return operation.undo === "nothing" && !await hasOutputs(host, operation);
}

/** Whether all that it writes is there: of a command with undo "nothing", one file each. */
async function hasOutputs({ tree }: Host, { outputs }: RunCommand): Promise<boolean> {
  for (const { directory, startsWith, endsWith, isOptional = false } of outputs) {
    if (!isOptional && !await tree.exists(`${directory}/${startsWith}${endsWith}`)) return false;
  }
  return true;
}

function describeCommand({ tree }: Host, operation: RunCommand | RestartUnit): readonly string[] {
  return [`command: ${quoteCommand(tree.commandLine(commandOf(operation)))}`];
}

async function inspectFile(host: Host, operation: WriteFile | RemoveFile): Promise<Inspection> {
  const { tree } = host;
  const before = await tree.state(operation.path);
  if (before.kind === "other") {
    throw new UserError(`Cannot ${operation.what}: there is a directory or device at "${operation.path}"`, {
      hints: ["Move it away, then run this again"],
    });
  }
  const after: FileState = operation.kind === "write-file" ? await wantedState(host, operation) : { kind: "absent" };
  const status = isSameState(before, after) ? "unchanged" : before.kind === "absent" ? "new" : "changed";
  if (status === "unchanged") return { status, before, after, change: [], isForeign: false };
  const known = findFile(host.journal.current, operation.path);
  // What an earlier run wrote may have been secret, too.
  const isSecret = (operation.kind === "write-file" && operation.isSecret) || known?.isSecret === true;
  const change = describeChange({
    path: operation.path,
    before: isSecret ? { state: before, text: undefined } : await readSide(host, operation.path, before),
    after: operation.kind === "write-file" && !isSecret
      ? { state: after, text: await contentText(host, operation.content) }
      : { state: after, text: undefined },
    isSecret,
  });
  return {
    status,
    before,
    after,
    change,
    isForeign: authorOf(known, before) === "foreign",
  };
}

/** The state a file will have; the mode of a file system that has none of its own is not known. */
export async function wantedState(host: Host, operation: WriteFile): Promise<FileState> {
  const { sha256, sizeBytes } = await measureContent(host, operation.content);
  if (operation.mode === "any") return { kind: "file", sha256, sizeBytes };
  return { kind: "file", sha256, sizeBytes, mode: operation.mode, ...host.tree.owner };
}

async function measureContent(
  { system }: Host,
  content: FileContent,
): Promise<{ readonly sha256: string; readonly sizeBytes: number }> {
  if (content.kind === "copy-of") {
    const status = await system.stat(content.source);
    if (status?.kind !== "file") {
      throw new UserError(`Cannot read "${content.source}": no such file`, {
        hints: [`Build the image first: ${commandToType("create-initrd")}`],
      });
    }
    return { sha256: await hashFile(system, content.source), sizeBytes: status.sizeBytes };
  }
  const bytes = contentBytes(content);
  return { sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length };
}

/** The bytes of content that is given as a value. */
export function contentBytes(content: Exclude<FileContent, { readonly kind: "copy-of" }>): Uint8Array<ArrayBuffer> {
  return content.kind === "text" ? new TextEncoder().encode(content.text) : content.bytes;
}

async function contentText({ system }: Host, content: FileContent): Promise<string | undefined> {
  if (content.kind !== "copy-of") return decodeText(contentBytes(content));
  const status = await system.stat(content.source);
  return status !== undefined && status.sizeBytes <= maximumDiffBytes
    ? decodeText(await system.readFile(content.source))
    : undefined;
}

/** One side of a diff, read from the host. */
export async function readSide({ system, tree }: Host, path: HostPath, state: FileState): Promise<Side> {
  const isShown = state.kind === "file" && state.sizeBytes <= maximumDiffBytes;
  return { state, text: isShown ? decodeText(await system.readFile(await tree.locate(path))) : undefined };
}

/** Whether a unit runs, by `systemctl is-active` (systemctl(1): 3 and 4 are its ways to say no). */
export async function isActive({ tree }: Host, unit: string): Promise<boolean> {
  const { exitCode } = await tree.run(["systemctl", "is-active", "--quiet", unit], {
    acceptExitCodes: [0, 3, 4],
    timeoutMs: 30_000,
  });
  return exitCode === 0;
}

/** Whether a unit is enabled for good, by `systemctl is-enabled` (systemctl(1): 1 and 4 are its ways to say no). */
export async function isEnabled({ tree }: Host, unit: string): Promise<boolean> {
  const { stdout } = await tree.run(["systemctl", "is-enabled", unit], {
    acceptExitCodes: [0, 1, 4],
    timeoutMs: 30_000,
  });
  return stdout.trim() === "enabled";
}
