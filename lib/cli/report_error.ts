/** How an error ends a program: the words for people and the exit code. Pure. */

import { makeVisible } from "../visible_text.ts";
import { explainWrite } from "../file_access.ts";
import { CommandError, ExitCode, ProtocolError, UserError } from "../errors.ts";

export interface ErrorReport {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];
}

/**
 * @param error anything that reached an entry point; only an unexpected one keeps its stack trace, for a bug report
 */
export function reportError(error: unknown): ErrorReport {
  const { exitCode, lines } = describeError(error);
  // Names and output of programs may hold anything.
  return { exitCode, lines: lines.map(makeVisible) };
}

function describeError(error: unknown): ErrorReport {
  if (error instanceof UserError) {
    // An error without a message: what threw it has reported it already.
    if (error.message === "") return { exitCode: error.exitCode, lines: [] };
    const prefix = error.exitCode === ExitCode.stopped ? "" : "Error: ";
    return {
      exitCode: error.exitCode,
      lines: [`${prefix}${error.message}`, ...error.hints.map((hint) => `  Hint: ${hint}`)],
    };
  }
  if (error instanceof CommandError || error instanceof ProtocolError) {
    return { exitCode: ExitCode.failed, lines: [`Error: ${error.message}`] };
  }
  if (error instanceof Error && isOperatingSystemError(error)) {
    return { exitCode: ExitCode.failed, lines: describeSystemError(error) };
  }
  return {
    exitCode: ExitCode.failed,
    lines: [
      `Unexpected error, please report it: ${error instanceof Error ? error.stack ?? error.message : String(error)}`,
    ],
  };
}

/** A full disk, a missing file, a refused access: said by the operating system in words a user understands. */
function isOperatingSystemError(error: Error): boolean {
  const names = ["NotFound", "PermissionDenied", "AlreadyExists", "AddrInUse", "ConnectionRefused", "NotCapable"];
  return names.includes(error.name) || "code" in error && typeof error.code === "string";
}

/** What follows the path of a call that Deno names. */
const attempts: Readonly<Record<string, string>> = {
  mkdir: "made",
  open: "opened",
  readdir: "read",
  readfile: "read",
  rename: "renamed",
  remove: "removed",
  writefile: "written",
};

/** Deno's "Read-only file system (os error 30): mkdir '/x'" in a sentence of ours, with the cure where there is one. */
function describeSystemError(error: Error): readonly string[] {
  const [, access = "", place = ""] = /^Requires (\S+) access to (.+), run again with /.exec(error.message) ?? [];
  // Deno wants a grant of everything for the kernel's own files, whatever else is granted.
  if (access === "all") {
    return [
      `Error: ${place} cannot be used: this program may not look below /dev, /proc and /sys`,
      "  Hint: Name a folder or file on a disk",
    ];
  }
  if (access !== "") return [`Error: This command has no grant for ${access} access to ${place}, please report it`];
  const parts = /^(.*) \(os error \d+\): (\w+) '(.*?)'(?: -> '.*')?$/s.exec(error.message);
  if (parts === null) return [`Error: ${error.message}`];
  const [, text = "", call = "", path = ""] = parts;
  const { found, hints } = explainWrite(error) ??
    { found: `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`, hints: [] };
  return [
    `Error: "${path}" cannot be ${attempts[call] ?? "used"}: ${found}`,
    ...hints.map((hint) => `  Hint: ${hint}`),
  ];
}
