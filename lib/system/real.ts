/** The machine we run on, through Deno. The grants a program was started with bound what this can do. */

import { CommandError } from "../errors.ts";
import { findFlockHolder } from "./flock_holder.ts";
import {
  createFile,
  openRead,
  openWrite,
  statOrUndefined,
  syncPath,
  writeAll,
  writeFileAtomically,
} from "./real_files.ts";
import { capture, createEnder, feed, readLines, readPieces, sendSignal } from "./real_process.ts";
import {
  type CommandOutput,
  type ExitStatus,
  type RunningProcess,
  type RunOptions,
  type SpawnOptions,
  standardPath,
  type System,
} from "./system.ts";

const defaultTimeoutMs = 10 * 60_000;
const defaultGraceMs = 5_000;

export interface RealSystemOptions {
  /** Called with every command before it runs; entry points print it when asked to be verbose. */
  readonly onCommand?: (argv: readonly string[]) => void;
  /** HOME for programs that want one. Default "/". */
  readonly home?: string;
  /** When it aborts (Ctrl-C), running programs end, waits reject, and only cleanup commands still start. */
  readonly signal?: AbortSignal;
  /**
   * From SIGTERM to SIGKILL, and to the moment when output that grandchildren hold open is waited for no longer.
   * Default 5 s.
   */
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
    openRead,
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
    processor: Deno.build.arch,
    wallClockMs: () => Date.now(),
    delay: (ms, signal) => delay(ms, AbortSignal.any([signal, options.signal].filter((one) => one !== undefined))),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
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
