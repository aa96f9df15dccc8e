/**
 * A change of a file as people read it: a unified diff, or a sentence where a diff would show a secret or bytes. Pure.
 */

import { styleText } from "node:util";
import { createTwoFilesPatch } from "diff";
import { describeState, type FileState, formatMode } from "./file_state.ts";
import { makeVisible } from "../visible_text.ts";
import type { HostPath } from "./host_path.ts";

/** A larger file is described, not shown. */
export const maximumDiffBytes = 256 * 1024;
/** The diff algorithm's worst case is quadratic; after this long the change is only described. */
const diffTimeoutMs = 2_000;

export interface Side {
  readonly state: FileState;
  /** Absent where there is none, it is no text, or it is too large. */
  readonly text: string | undefined;
}

export interface FileChange {
  readonly path: HostPath;
  readonly before: Side;
  readonly after: Side;
  readonly isSecret: boolean;
}

/** Lines that show a change, without colour. */
export function describeChange(change: FileChange): readonly string[] {
  const { before, after, isSecret, path } = change;
  const lines = describeMetadata(before.state, after.state);
  if (isSecret) return [...lines, describeSecret(before.state, after.state)];
  const isShowable = (side: Side): boolean => side.state.kind === "absent" || side.text !== undefined;
  if (!isShowable(before) || !isShowable(after)) return [...lines, ...describeContent(before.state, after.state)];
  if (before.text === after.text && before.state.kind === after.state.kind) return lines;
  const name = (side: Side): string => side.state.kind === "absent" ? "/dev/null" : path;
  const patch = createTwoFilesPatch(name(before), name(after), before.text ?? "", after.text ?? "", "", "", {
    context: 3,
    timeout: diffTimeoutMs,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  });
  if (patch === undefined) return [...lines, ...describeContent(before.state, after.state)];
  return [...lines, ...patch.trimEnd().split("\n").map(makeVisible)];
}

/** For what is too large or no text; a new or removed file is described already. */
function describeContent(before: FileState, after: FileState): readonly string[] {
  const isKnown = before.kind === "absent" || after.kind === "absent";
  return isKnown ? [] : [`content: ${describeState(before)} -> ${describeState(after)}`];
}

function describeSecret(before: FileState, after: FileState): string {
  if (after.kind !== "file") return "secret, removed";
  if (before.kind !== "file") return `secret, ${after.sizeBytes} bytes, new`;
  return `secret, ${after.sizeBytes} bytes, ${before.sha256 === after.sha256 ? "content unchanged" : "changed"}`;
}

function describeMetadata(before: FileState, after: FileState): string[] {
  if (before.kind === "symlink") return [`it is a symbolic link to ${before.target}; the link itself is replaced`];
  if (after.kind === "symlink") return [`it becomes a symbolic link to ${after.target} again`];
  if (after.kind === "absent") return [`removed: ${describeState(before)}`];
  if (before.kind === "absent") return [`new file: ${describeState(after)}`];
  if (before.kind !== "file" || after.kind !== "file") return [];
  const lines: string[] = [];
  if (before.mode !== undefined && after.mode !== undefined && before.mode !== after.mode) {
    lines.push(`mode ${formatMode(before.mode)} -> ${formatMode(after.mode)}`);
  }
  if (before.uid !== undefined && after.uid !== undefined && (before.uid !== after.uid || before.gid !== after.gid)) {
    lines.push(`owner ${before.uid}:${before.gid} -> ${after.uid}:${after.gid}`);
  }
  return lines;
}

/** Colours for a line of {@link describeChange}. */
export function colorChange(lines: readonly string[]): readonly string[] {
  return lines.map((line) => {
    if (/^(---|\+\+\+) /.test(line)) return styleText("bold", line, { validateStream: false });
    if (line.startsWith("@@")) return styleText("cyan", line, { validateStream: false });
    if (line.startsWith("+")) return styleText("green", line, { validateStream: false });
    if (line.startsWith("-")) return styleText("red", line, { validateStream: false });
    return line;
  });
}

/** UTF-8 text, or undefined when the bytes are something else. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (bytes.length > maximumDiffBytes || bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
