/**
 * The kinds of failure a person may see. Programmer errors stay built-in classes; only entry points turn any of these
 * into an exit code.
 */

/** Exit codes of every command (also listed in `--help`). */
export const ExitCode = { done: 0, failed: 1, usage: 2, stopped: 3 } as const;
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

export interface UserErrorOptions {
  /** Separate lines, each a concrete next step. */
  readonly hints?: readonly string[];
  /** What an entry point exits with; `usage` for wrong arguments or configuration. Default `failed`. */
  readonly exitCode?: ExitCode;
  readonly cause?: unknown;
}

/** Something a user can fix: printed as a message and hints, never with a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly hints: readonly string[];
  readonly exitCode: ExitCode;

  /**
   * @param message starts with a capital, no full stop: what was attempted, on what, what was found, what was wanted
   */
  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.hints = options.hints ?? [];
    this.exitCode = options.exitCode ?? ExitCode.failed;
  }
}

/** A failure that a program tells from others of its kind by a code. */
export class CodedUserError<Code extends string> extends UserError {
  readonly code: Code;

  constructor(code: Code, message: string, options: UserErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The user stopped the work (Ctrl-C, or "abort" at a question). Exit code 3. */
export class StoppedByUser extends UserError {
  constructor(message = "Stopped") {
    super(message, { exitCode: ExitCode.stopped });
  }
}

/** What to throw when the user has been told where the work stopped: "Stopped" is not said a second time. */
export function withoutStopped(error: unknown): unknown {
  return error instanceof StoppedByUser ? new StoppedByUser("") : error;
}

export interface CommandFailure {
  readonly argv: readonly string[];
  /** Exit status, or undefined when the program was not found or ended by a signal. */
  readonly exitCode?: number;
  readonly signal?: string;
  readonly notFound?: boolean;
  readonly timedOut?: boolean;
  /** The last lines the program wrote to standard error (or standard output when that was empty). */
  readonly lastLines?: readonly string[];
}

/** A program that could not be started, was ended, or exited with a status that was not accepted. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly failure: CommandFailure;

  constructor(failure: CommandFailure, cause?: unknown) {
    super(describeFailure(failure), { cause });
    this.failure = failure;
  }
}

function describeFailure(failure: CommandFailure): string {
  const { program, isWrapped } = unwrapCommand(failure.argv);
  const { exitCode } = failure;
  // 124 to 127, and 128 plus a signal: timeout(1).
  const how = failure.notFound || (isWrapped && exitCode === 127)
    ? "was not found"
    : failure.timedOut || (isWrapped && exitCode === 124)
    ? "did not end in time and was stopped"
    : failure.signal !== undefined
    ? `was ended by ${failure.signal}`
    : isWrapped && exitCode === 137
    ? "was ended by SIGKILL (memory may have run out)"
    : `exited with status ${exitCode}`;
  const lines = (failure.lastLines ?? []).map((line) => `\n  ${line}`).join("");
  return `"${program}" ${how}${lines}\n  command: ${quoteCommand(failure.argv)}`;
}

/**
 * Programs that run another one: how many words stand before that one besides options. `sh`: a script with two words of
 * its own (lib/debian/bootstrap_tree.ts).
 */
const wrappers: Readonly<Record<string, number>> = { nice: 0, setpriv: 0, sh: 3, sudo: 0, timeout: 1, unshare: 0 };

export interface UnwrappedCommand {
  /** The program that a command is about: people know "mmdebstrap", not the "timeout" around it. */
  readonly program: string;
  readonly isWrapped: boolean;
}

/** @param argv options of wrappers are of the form --x=y or --x */
export function unwrapCommand(argv: readonly string[]): UnwrappedCommand {
  for (let index = 0; index < argv.length;) {
    const program = argv[index] ?? "";
    const words = Object.hasOwn(wrappers, program) ? wrappers[program] : undefined;
    let next = index + 1 + (words ?? 0);
    while (words !== undefined && argv[next - words]?.startsWith("-")) next++;
    if (words === undefined || argv[next] === undefined) return { program, isWrapped: index > 0 };
    index = next;
  }
  return { program: "", isWrapped: false };
}

/** An argument list as a line that can be pasted into a shell. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Why bytes from a peer were refused; the names are those of `tests/vectors/` and doc/protocol.md. */
export type ProtocolErrorCode =
  | "wrong-key"
  | "bad-tag"
  | "replay"
  | "truncated"
  | "oversize"
  | "unknown-version"
  | "unknown-group"
  | "unknown-transport"
  | "malformed"
  | "unexpected"
  | "refused";

/** Bytes from a peer that do not follow doc/protocol.md. Never contains key material. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
  }
}

/** One line of what went wrong. */
export function describeError(error: unknown): string {
  if (error instanceof CommandError) return error.message.split("\n").slice(0, 2).map((line) => line.trim()).join(": ");
  return error instanceof Error ? error.message : String(error);
}
