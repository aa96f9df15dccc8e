/** A machine made of values, for tests: files in memory, programs that answer from a script, a clock that is moved by hand. */

import { CommandError } from "../errors.ts";
import type { CommandOutput, FileStatus, RunningProcess, RunOptions, System } from "./system.ts";

/** Answers one command; undefined means "not mine". A number is an exit status, a string standard output. */
export type CommandScript = (
  argv: readonly string[],
  options: RunOptions,
) => CommandOutput | string | number | undefined | Promise<CommandOutput | string | number | undefined>;

export interface MemorySystemOptions {
  /** Path to content; directories come into being by themselves. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Asked in order until one answers; a program nobody answers for is "not found". */
  readonly commands?: readonly CommandScript[];
  readonly wallClockMs?: number;
}

export interface MemorySystem extends System {
  /** Every command that was run or spawned, in order. */
  readonly ran: readonly (readonly string[])[];
  /** Path to content and mode, as they are now. */
  readonly files: ReadonlyMap<string, { readonly content: Uint8Array<ArrayBuffer>; readonly mode: number }>;
  /** Moves both clocks; delays that end within are resolved. */
  advance(ms: number): void;
}

interface MemoryFile {
  content: Uint8Array<ArrayBuffer>;
  mode: number;
  modifiedMs: number;
}

export function createMemorySystem(options: MemorySystemOptions = {}): MemorySystem {
  const files = new Map<string, MemoryFile>();
  const directories = new Set<string>(["/"]);
  const ran: (readonly string[])[] = [];
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const startedAt = options.wallClockMs ?? 0;
  let elapsedMs = 0;
  let counter = 0;

  function addParents(path: string): void {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      directories.add(path.slice(0, end));
    }
  }
  function put(path: string, content: string | Uint8Array, mode: number): void {
    addParents(path);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
    files.set(path, { content: bytes, mode, modifiedMs: startedAt + elapsedMs });
  }
  function get(path: string): MemoryFile {
    const file = files.get(path);
    if (file === undefined) throw new Deno.errors.NotFound(`No such file or directory: "${path}"`);
    return file;
  }
  function status(path: string): FileStatus | undefined {
    const owner = { uid: 0, gid: 0 };
    const file = files.get(path);
    if (file !== undefined) {
      return { kind: "file", sizeBytes: file.content.length, mode: file.mode, ...owner, modifiedMs: file.modifiedMs };
    }
    return directories.has(path)
      ? { kind: "directory", sizeBytes: 0, mode: 0o755, ...owner, modifiedMs: startedAt }
      : undefined;
  }
  async function answer(argv: readonly string[], runOptions: RunOptions): Promise<CommandOutput> {
    ran.push(argv);
    for (const script of options.commands ?? []) {
      const found = await script(argv, runOptions);
      if (found === undefined) continue;
      if (typeof found === "string") return { exitCode: 0, stdout: found, stderr: "" };
      return typeof found === "number" ? { exitCode: found, stdout: "", stderr: "" } : found;
    }
    throw new CommandError({ argv, notFound: true });
  }

  for (const [path, content] of Object.entries(options.files ?? {})) put(path, content, 0o644);

  return {
    ran,
    files,
    advance: (ms) => {
      elapsedMs += ms;
      for (const sleeper of sleepers.splice(0)) sleeper.at <= elapsedMs ? sleeper.wake() : sleepers.push(sleeper);
    },
    run: async (argv, runOptions = {}) => {
      const output = await answer(argv, runOptions);
      for (const line of output.stdout.split("\n").slice(0, -1)) runOptions.onLine?.(line, "stdout");
      if ((runOptions.acceptExitCodes ?? [0]).includes(output.exitCode)) return output;
      throw new CommandError({ argv, exitCode: output.exitCode, lastLines: output.stderr.trim().split("\n") });
    },
    spawn: (argv): RunningProcess => {
      ran.push(argv);
      const end = Promise.withResolvers<{ exitCode: number | undefined; signal: string | undefined }>();
      return {
        pid: ++counter,
        exited: end.promise,
        kill: (signal) => end.resolve({ exitCode: undefined, signal }),
        [Symbol.asyncDispose]: async () => {
          end.resolve({ exitCode: undefined, signal: "SIGTERM" });
          await end.promise;
        },
      };
    },
    readFile: (path) => attempt(() => new Uint8Array(get(path).content)),
    readText: (path) => attempt(() => new TextDecoder().decode(get(path).content)),
    openRead: (path) => attempt(() => new Blob([get(path).content]).stream()),
    writeFile: (path, content, { mode = 0o644 } = {}) => attempt(() => put(path, content, mode)),
    writeStream: async (path, content, { mode = 0o644 } = {}) =>
      put(
        path,
        new Uint8Array(await new Response(content as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer()),
        mode,
      ),
    lstat: (path) => attempt(() => status(path)),
    stat: (path) => attempt(() => status(path)),
    readDirectory: (path) =>
      attempt(() => {
        if (!directories.has(path)) throw new Deno.errors.NotFound(`No such directory: "${path}"`);
        const prefix = path === "/" ? "/" : `${path}/`;
        const inside = [...files.keys(), ...directories].filter((name) => name.startsWith(prefix) && name !== path);
        return [...new Set(inside.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))].filter(Boolean).sort();
      }),
    makeDirectory: (path) =>
      attempt(() => {
        addParents(`${path}/`);
      }),
    makeTempDirectory: ({ parent, prefix }) =>
      attempt(() => {
        const path = `${parent}/${prefix}${++counter}`;
        addParents(`${path}/`);
        return path;
      }),
    rename: (from, to) =>
      attempt(() => {
        const file = get(from);
        files.delete(from);
        addParents(to);
        files.set(to, file);
      }),
    remove: (path) =>
      attempt(() => {
        const isInside = (name: string): boolean => name === path || name.startsWith(`${path}/`);
        for (const name of [...files.keys()].filter(isInside)) files.delete(name);
        for (const name of [...directories].filter(isInside)) directories.delete(name);
      }),
    chmod: (path, mode) =>
      attempt(() => {
        get(path).mode = mode;
      }),
    realPath: (path) => Promise.resolve(path),
    monotonicMs: () => elapsedMs,
    wallClockMs: () => startedAt + elapsedMs,
    delay: (ms, signal) => {
      const wait = Promise.withResolvers<void>();
      sleepers.push({ at: elapsedMs + ms, wake: wait.resolve });
      signal?.addEventListener("abort", () => wait.reject(signal.reason), { once: true });
      return wait.promise;
    },
    // Not random: the same bytes in every test run.
    randomBytes: (length) => Uint8Array.from({ length }, () => ++counter & 0xff),
  };
}

/** Errors of a value-returning function become a rejected promise, as with real I/O. */
function attempt<T>(action: () => T): Promise<T> {
  return new Promise((resolve) => resolve(action()));
}
