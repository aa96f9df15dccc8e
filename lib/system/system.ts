/**
 * I/O boundary 1: files, processes, clock and randomness of the machine we run on.
 *
 * Everything outside `lib/system`, `lib/net`, entry points and the terminal ui reaches the machine through a `System`
 * value, so that it can be tested with values (tests/support/memory_system.ts).
 */

import type { FilePart } from "../file_part.ts";

/**
 * PATH of the programs that we start, and of ours on the laptop; who grants programs by name has to look them up in
 * the same order (Deno compares the paths it finds).
 */
export const programDirectories = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
] as const;
export const standardPath = programDirectories.join(":");

/** PATH inside the image, where /sbin, /bin and /usr/local have nothing of their own. */
export const imagePath = "/usr/sbin:/usr/bin";

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to the fixed environment (LC_ALL=C.UTF-8, a standard PATH, HOME). */
  readonly env?: Readonly<Record<string, string>>;
  /** The program gets SIGTERM after this long, SIGKILL 5 s later. Default 10 minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Exit statuses that are not an error. Default `[0]`. */
  readonly acceptExitCodes?: readonly number[];
  /** Called with each complete line as it comes, for progress. */
  readonly onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** Gets standard output as it comes, byte by byte; {@link CommandOutput.stdout} is empty then. */
  readonly onBytes?: (piece: Uint8Array) => void;
  /** The program uses our own terminal; nothing is captured. */
  readonly inheritStdio?: boolean;
  /** Runs even after the user asked to stop: unmounting, removing what is half done. */
  readonly isCleanup?: boolean;
}

export interface CommandOutput {
  readonly exitCode: number;
  /** Standard output as UTF-8 text; at most 64 MiB are kept. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExitStatus {
  /** Exit status, or undefined when a signal ended the program. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** What the program reads from its standard input, as it comes. Default: nothing. */
  readonly input?: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly inheritStdio?: boolean;
  /** In a session of its own: what is typed on our terminal (Ctrl-C) does not reach it. */
  readonly isDetached?: boolean;
}

/** A program that was started and goes on. Disposing of it ends it (SIGTERM, then SIGKILL after 5 s) and waits. */
export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the program has ended, and whatever it started that holds its output. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT"): void;
}

export interface FileStatus {
  readonly kind: "file" | "directory" | "symlink" | "block" | "other";
  readonly sizeBytes: number;
  /** Permission bits, as in `chmod`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedMs: number;
  /** Where the file system has such numbers. */
  readonly inode?: number;
  /** Number of the file system it is on (`st_dev`, stat(2)); undefined where there is only one. */
  readonly device?: number;
}

export interface WriteOptions {
  /** Permission bits, set before the content is written. Default 0o644. */
  readonly mode?: number;
}

/** A file that is being written. Disposing of it closes it. */
export interface FileWriter extends Disposable {
  /** Resolves when all bytes are written. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface System {
  /**
   * Runs a program to its end. Arguments are passed as they are, never through a shell.
   * @throws {CommandError} when it is not found, ends by a signal, takes too long, or exits with a status not accepted
   */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandOutput>;
  /** Starts a program that goes on by itself. @throws {CommandError} when it is not found */
  spawn(argv: readonly string[], options?: SpawnOptions): RunningProcess;

  /** @throws {Deno.errors.NotFound} and its siblings, as the runtime gives them; the same for all functions below */
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  readText(path: string): Promise<string>;
  /** The file's content, or a part of it, in pieces of at most 512 KiB, so that it never has to fit into memory. */
  openRead(path: string, part?: FilePart): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Replaces the file atomically: written beside it, synced, renamed. */
  writeFile(path: string, content: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /**
   * Makes a file that is there with its whole content or not at all; whatever has the name already stays, a dangling
   * symlink too.
   * @returns false when something has the name
   */
  createFile(path: string, content: string | Uint8Array, options?: WriteOptions): Promise<boolean>;
  /** Writes a stream to a new or emptied file, not atomically; for large intermediate files. */
  writeStream(path: string, content: ReadableStream<Uint8Array>, options?: WriteOptions): Promise<void>;
  /** Opens a new or emptied file that is written piece by piece. */
  openWrite(path: string, options?: WriteOptions): Promise<FileWriter>;
  /**
   * Writes parts of a new or emptied file; what lies between them are holes, which read as zeros and take no room. Not
   * atomic.
   */
  writeSparse(
    path: string,
    content: {
      readonly sizeBytes: number;
      readonly parts: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
    },
    options?: WriteOptions,
  ): Promise<void>;
  /** What `path` is, a symlink not followed; undefined when there is nothing. */
  lstat(path: string): Promise<FileStatus | undefined>;
  /** What `path` is, symlinks followed; undefined when there is nothing. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Names in a directory, sorted; without "." and "..". */
  readDirectory(path: string): Promise<readonly string[]>;
  /** Creates a directory and its parents; an existing one is fine. */
  makeDirectory(path: string, options?: { readonly mode?: number }): Promise<void>;
  /** Creates a new, empty, private directory inside `parent`. */
  makeTempDirectory(options: { readonly parent: string; readonly prefix: string }): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory with all it holds; nothing there is fine. */
  remove(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, owner: { readonly uid: number; readonly gid: number }): Promise<void>;
  /** Removes a file, a symlink or an empty directory; never what a directory holds. */
  removeOne(path: string): Promise<void>;
  /** Where a symlink points, as it is written there. */
  readLink(path: string): Promise<string>;
  /**
   * Copies one file or symlink with all that belongs to it: mode, owner, times, extended attributes; on the disk when
   * done. Runs `cp`.
   */
  copyExactly(from: string, to: string): Promise<void>;
  /** Resolves when the file, or the directory's list of names, is on the disk (fsync(2)). */
  sync(path: string): Promise<void>;
  /**
   * Locks a file against other programs (flock(2)), creating it if need be. The lock ends with the returned value or
   * with this program, however that ends; the file stays.
   * @param holder who locks it: it is written into the file, with our process id, for those who find it locked
   * @returns undefined when another program has the lock
   */
  tryLock(path: string, holder: string): Promise<Disposable | undefined>;
  /**
   * Locks a directory against other programs (flock(2)) without writing to it; else as {@link tryLock}. Runs `cat` to
   * find out who has it.
   * @returns when it is locked: the holder's process id, as far as the kernel says it
   */
  tryLockDirectory(path: string): Promise<{ readonly lock: Disposable } | { readonly holderPid: number | undefined }>;
  /** The path with every symlink resolved. */
  realPath(path: string): Promise<string>;

  /** Milliseconds that only ever go forward. */
  monotonicMs(): number;
  /** What this machine's processor is, by the kernel's name for it: "x86_64" (uname(2)). */
  readonly processor: string;
  /** Milliseconds since 1970. */
  wallClockMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason. For waits with a bound; prefer an event. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
  randomBytes(length: number): Uint8Array<ArrayBuffer>;
}
