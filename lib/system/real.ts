/** The machine we run on, through Deno. The grants a program was started with bound what this can do. */

import { CommandError } from "../errors.ts";
import { createLineSplitter } from "./lines.ts";
import { findFlockHolder } from "./flock_holder.ts";
import {
  type CommandOutput,
  type ExitStatus,
  type FileStatus,
  type FileWriter,
  type RunningProcess,
  type RunOptions,
  type SpawnOptions,
  standardPath,
  type System,
  type WriteOptions,
} from "./system.ts";

const defaultTimeoutMs = 10 * 60_000;
const defaultGraceMs = 5_000;
const maximumCapturedBytes = 64 * 1024 * 1024;

export interface RealSystemOptions {
  /** Called with every command before it runs; entry points print it when asked to be verbose. */
  readonly onCommand?: (argv: readonly string[]) => void;
  /** HOME for programs that want one. Default "/". */
  readonly home?: string;
  /** When it aborts (Ctrl-C), running programs end, waits reject, and only cleanup commands still start. */
  readonly signal?: AbortSignal;
  /** From SIGTERM to SIGKILL, and to the moment when output that grandchildren hold open is waited for no longer. Default 5 s. */
  readonly graceMs?: number;
}

export function createRealSystem(options: RealSystemOptions = {}): System {
  const baseEnvironment = { LC_ALL: "C.UTF-8", PATH: standardPath, HOME: options.home ?? "/" };
  const graceMs = options.graceMs ?? defaultGraceMs;

  function start(argv: readonly string[], spawnOptions: SpawnOptions, stdin: "piped" | "null"): Deno.ChildProcess {
    const [program, ...args] = argv;
    if (program === undefined) throw new TypeError("An empty argument list was given to run");
    options.onCommand?.(argv);
    const stdio = spawnOptions.inheritStdio ? "inherit" : "piped";
    try {
      return new Deno.Command(program, {
        args,
        ...(spawnOptions.cwd === undefined ? {} : { cwd: spawnOptions.cwd }),
        env: { ...baseEnvironment, ...spawnOptions.env },
        detached: spawnOptions.isDetached ?? false,
        clearEnv: true,
        stdin: spawnOptions.inheritStdio ? "inherit" : stdin,
        stdout: stdio,
        stderr: stdio,
      }).spawn();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw new CommandError({ argv, notFound: true }, error);
      throw error;
    }
  }

  async function run(argv: readonly string[], runOptions: RunOptions = {}): Promise<CommandOutput> {
    const signal = AbortSignal.any([
      ...(runOptions.signal === undefined ? [] : [runOptions.signal]),
      ...(options.signal === undefined || runOptions.isCleanup ? [] : [options.signal]),
    ]);
    signal.throwIfAborted();
    const child = start(argv, runOptions, runOptions.stdin === undefined ? "null" : "piped");
    const ender = createEnder(child, graceMs);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      ender.end();
    }, runOptions.timeoutMs ?? defaultTimeoutMs);
    const onAbort = (): void => ender.end();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const { onLine, onBytes } = runOptions;
      const captured = runOptions.inheritStdio ? Promise.resolve(["", ""] as const) : Promise.all([
        onBytes === undefined
          ? capture(child.stdout, onLine && ((line) => onLine(line, "stdout")), ender.signal)
          : readPieces(child.stdout, onBytes, ender.signal).then(() => ""),
        capture(child.stderr, onLine && ((line) => onLine(line, "stderr")), ender.signal),
      ]);
      if (runOptions.stdin !== undefined) await feed(child.stdin, runOptions.stdin);
      const [stdout, stderr] = await captured;
      const status = await child.status;
      signal.throwIfAborted();
      const accepted = status.signal === null && (runOptions.acceptExitCodes ?? [0]).includes(status.code);
      if (!accepted || timedOut) {
        throw new CommandError({
          argv,
          timedOut,
          ...(status.signal === null ? { exitCode: status.code } : { signal: status.signal }),
          lastLines: (stderr.trim() || stdout.trim()).split("\n").slice(-12),
        });
      }
      return { exitCode: status.code, stdout, stderr };
    } finally {
      clearTimeout(timer);
      ender.cancel();
      signal.removeEventListener("abort", onAbort);
    }
  }

  function spawn(argv: readonly string[], spawnOptions: SpawnOptions = {}): RunningProcess {
    options.signal?.throwIfAborted();
    const { input } = spawnOptions;
    const child = start(argv, spawnOptions, input === undefined ? "null" : "piped");
    const noInput = new AbortController();
    input?.pipeTo(child.stdin, { signal: noInput.signal }).catch(() => {}); // it has ended, or closed its input early
    const ender = createEnder(child, graceMs);
    const reading = spawnOptions.inheritStdio ? [] : [
      readLines(child.stdout, (line) => spawnOptions.onLine?.(line, "stdout"), ender.signal),
      readLines(child.stderr, (line) => spawnOptions.onLine?.(line, "stderr"), ender.signal),
    ];
    const exited = (async (): Promise<ExitStatus> => {
      const status = await child.status;
      noInput.abort();
      await Promise.allSettled(reading);
      return {
        exitCode: status.signal === null ? status.code : undefined,
        signal: status.signal ?? undefined,
      };
    })();
    return {
      pid: child.pid,
      exited,
      kill: (signal) => sendSignal(child, signal),
      [Symbol.asyncDispose]: async () => {
        ender.end();
        await exited;
        ender.cancel();
      },
    };
  }

  return {
    run,
    spawn,
    readFile: (path) => Deno.readFile(path),
    readText: (path) => Deno.readTextFile(path),
    openRead: async (path, part) => {
      const file = await Deno.open(path, { read: true });
      if (part === undefined) return readInPieces(file);
      try {
        await file.seek(part.offset, Deno.SeekMode.Start);
      } catch (error) {
        file.close();
        throw error;
      }
      return readInPieces(file, part.sizeBytes);
    },
    writeFile: writeFileAtomically,
    createFile,
    openWrite,
    writeStream: async (path, content, options = {}) => {
      using file = await openWrite(path, options);
      // Not `content.pipeTo(file.writable)`: Deno 2.9.6 then keeps everything in memory until the end.
      for await (const bytes of content) await file.write(bytes);
    },
    writeSparse: async (path, { sizeBytes, parts }, { mode = 0o644 } = {}) => {
      using file = await Deno.open(path, { write: true, create: true, truncate: true, mode });
      await Deno.chmod(path, mode);
      await file.truncate(sizeBytes);
      for (const { offset, bytes } of parts) {
        await file.seek(offset, Deno.SeekMode.Start);
        await writeAll(file, bytes);
      }
    },
    lstat: (path) => statOrUndefined(() => Deno.lstat(path)),
    stat: (path) => statOrUndefined(() => Deno.stat(path)),
    readDirectory: async (path) => {
      const names: string[] = [];
      for await (const entry of Deno.readDir(path)) names.push(entry.name);
      return names.sort();
    },
    makeDirectory: (path, { mode } = {}) =>
      Deno.mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) }),
    makeTempDirectory: ({ parent, prefix }) => Deno.makeTempDir({ dir: parent, prefix }),
    rename: (from, to) => Deno.rename(from, to),
    remove: async (path) => {
      try {
        await Deno.remove(path, { recursive: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
    chmod: (path, mode) => Deno.chmod(path, mode),
    chown: (path, { uid, gid }) => Deno.chown(path, uid, gid),
    removeOne: (path) => Deno.remove(path),
    readLink: (path) => Deno.readLink(path),
    copyExactly: async (from, to) => {
      await run(["cp", "--archive", "--no-target-directory", "--", from, to], { isCleanup: true });
      if (!(await Deno.lstat(to)).isSymlink) await syncPath(to);
    },
    sync: syncPath,
    tryLock: async (path, holder) => {
      const file = await Deno.open(path, { read: true, write: true, create: true });
      try {
        if (await file.tryLock(true)) {
          await file.truncate();
          await writeAll(file, new TextEncoder().encode(`${holder} (process ${Deno.pid})\n`));
          return file;
        }
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
      return undefined;
    },
    tryLockDirectory: async (path) => {
      const directory = await Deno.open(path);
      try {
        if (await directory.tryLock(true)) return { lock: directory };
        const { dev, ino } = await directory.stat();
        // Not everywhere: a container may hide it.
        const locks = await run(["cat", "/proc/locks"]).then(({ stdout }) => stdout, () => "");
        directory.close();
        return { holderPid: ino === null ? undefined : findFlockHolder(locks, { device: dev, inode: ino }) };
      } catch (error) {
        directory.close();
        throw error;
      }
    },
    realPath: (path) => Deno.realPath(path),
    monotonicMs: () => performance.now(),
    wallClockMs: () => Date.now(),
    delay: (ms, signal) => delay(ms, AbortSignal.any([signal, options.signal].filter((one) => one !== undefined))),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}

function sendSignal(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // The process has ended already.
  }
}

interface Ender {
  end(): void;
  cancel(): void;
  /** Aborts when the child's output is of no interest any more. */
  readonly signal: AbortSignal;
}

/** Ends a child politely, then for good. What the child has started may live on and hold its output open. */
function createEnder(child: Deno.ChildProcess, graceMs: number): Ender {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    end: () => {
      if (timer !== undefined) return;
      sendSignal(child, "SIGTERM");
      timer = setTimeout(() => {
        sendSignal(child, "SIGKILL");
        controller.abort();
      }, graceMs);
    },
    cancel: () => clearTimeout(timer),
  };
}

/** Hands out pieces until the stream ends or the signal aborts. */
async function readPieces(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onPiece: (piece: Uint8Array<ArrayBuffer>) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = stream.getReader();
  const onAbort = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) onPiece(next.value);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const lines = createLineSplitter(onLine);
  await readPieces(stream, lines.push, signal);
  lines.end();
}

async function capture(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: ((line: string) => void) | undefined,
  signal: AbortSignal,
): Promise<string> {
  const lines = onLine && createLineSplitter(onLine);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  await readPieces(stream, (piece) => {
    lines?.push(piece);
    total += piece.length;
    if (total <= maximumCapturedBytes) pieces.push(piece);
  }, signal);
  lines?.end();
  return new TextDecoder().decode(await new Blob(pieces).arrayBuffer());
}

async function feed(stdin: WritableStream<Uint8Array>, content: string | Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
    await writer.close();
  } catch {
    // The program closed its input early; its exit status tells whether that was right.
  }
}

function writeFileAtomically(path: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<void> {
  return writeBeside(path, content, options, (temporary) => Deno.rename(temporary, path));
}

async function createFile(path: string, content: string | Uint8Array, options: WriteOptions = {}): Promise<boolean> {
  try {
    // link(2) fails when the name is taken, and the file is whole when it has the name.
    await writeBeside(path, content, options, async (temporary) => {
      await Deno.link(temporary, path);
      await Deno.remove(temporary);
    });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Writes a file beside another one, which `place` then puts to its place; nothing of it stays when that fails. */
async function writeBeside(
  path: string,
  content: string | Uint8Array,
  { mode = 0o644 }: WriteOptions,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true, mode });
    await Deno.chmod(temporary, mode); // the umask took bits away
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeAll(file, bytes);
    await file.sync();
    await place(temporary);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Larger than the runtime's own 64 KiB, and one piece ahead: what is read next is there when it is asked for. */
const pieceBytes = 512 * 1024;

function readInPieces(file: Deno.FsFile, maximumBytes = Infinity): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = maximumBytes;
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const piece = new Uint8Array(Math.min(pieceBytes, left));
        const count = left === 0 ? null : await file.read(piece);
        left -= count ?? 0;
        if (count !== null) return controller.enqueue(piece.subarray(0, count));
        file.close();
        controller.close();
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel: () => file.close(),
  });
}

async function openWrite(path: string, { mode = 0o644 }: WriteOptions = {}): Promise<FileWriter> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true, mode });
  await Deno.chmod(path, mode);
  return { write: (bytes) => writeAll(file, bytes), [Symbol.dispose]: () => file.close() };
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

async function syncPath(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  await file.sync();
}

async function statOrUndefined(read: () => Promise<Deno.FileInfo>): Promise<FileStatus | undefined> {
  try {
    const info = await read();
    return {
      kind: info.isFile
        ? "file"
        : info.isDirectory
        ? "directory"
        : info.isSymlink
        ? "symlink"
        : info.isBlockDevice
        ? "block"
        : "other",
      sizeBytes: info.size,
      mode: (info.mode ?? 0) & 0o7777,
      uid: info.uid ?? 0,
      gid: info.gid ?? 0,
      modifiedMs: info.mtime?.getTime() ?? 0,
      ...info.ino === null ? {} : { inode: info.ino },
      device: info.dev,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
