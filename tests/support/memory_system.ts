/**
 * A machine made of values, for tests: files in memory, programs that answer from a script, a clock that is moved by
 * hand.
 */

import { CommandError } from "../../lib/errors.ts";
import type { CommandOutput, FileStatus, RunningProcess, RunOptions, System } from "../../lib/system/system.ts";

/** Answers one command; undefined means "not mine". A number is an exit status, a string standard output. */
export type CommandScript = (
  argv: readonly string[],
  options: RunOptions,
) => CommandOutput | string | number | undefined | Promise<CommandOutput | string | number | undefined>;

export interface MemorySystemOptions {
  /** Path to content; directories come into being by themselves. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Path to what the symlink says. */
  readonly symlinks?: Readonly<Record<string, string>>;
  /** Asked in order until one answers; a program for which none answers is "not found". */
  readonly commands?: readonly CommandScript[];
  readonly wallClockMs?: number;
  /** Default "x86_64". */
  readonly processor?: string;
}

export interface MemorySystem extends System {
  /** Every command that was run or spawned, in order. */
  readonly ran: readonly (readonly string[])[];
  /** Path to content, mode and owner, as they are now. */
  readonly files: ReadonlyMap<string, Readonly<MemoryFile>>;
  readonly directories: ReadonlyMap<string, Readonly<Owned>>;
  readonly symlinks: ReadonlyMap<string, string>;
  /** Moves both clocks; delays that end within are resolved. */
  advance(ms: number): void;
}

interface Owned {
  mode: number;
  uid: number;
  gid: number;
}

interface MemoryFile extends Owned {
  content: Uint8Array<ArrayBuffer>;
  modifiedMs: number;
}

export function createMemorySystem(options: MemorySystemOptions = {}): MemorySystem {
  const files = new Map<string, MemoryFile>();
  const directories = new Map<string, Owned>([["/", { mode: 0o755, uid: 0, gid: 0 }]]);
  const symlinks = new Map<string, string>();
  const locks = new Set<string>();
  const ran: (readonly string[])[] = [];
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const startedAt = options.wallClockMs ?? 0;
  let elapsedMs = 0;
  let counter = 0;

  /** The path without symlinks on the way; the last name stays as it is unless `followLast`. */
  function resolve(path: string, followLast = true, depth = 0): string {
    if (path === "") throw new Error("Empty path is not allowed"); // as the real one
    if (depth > 40) throw new Deno.errors.FilesystemLoop(`Too many levels of symbolic links: "${path}"`);
    let resolved = "";
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    for (const [index, name] of names.entries()) {
      if (name === "..") {
        resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf("/")));
        continue;
      }
      const target = symlinks.get(`${resolved}/${name}`);
      if (target === undefined || (index === names.length - 1 && !followLast)) {
        resolved += `/${name}`;
        continue;
      }
      const base = target.startsWith("/") ? target : `${resolved}/${target}`;
      return resolve([base, ...names.slice(index + 1)].join("/"), followLast, depth + 1);
    }
    return resolved === "" ? "/" : resolved;
  }
  function addDirectory(path: string, mode: number): void {
    for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) addOne(path.slice(0, end), 0o755);
    addOne(path, mode);
  }
  function addOne(path: string, mode: number): void {
    if (files.has(path)) throw new Error(`Not a directory: "${path}"`);
    if (!directories.has(path)) directories.set(path, { mode, uid: 0, gid: 0 });
  }
  function addParents(path: string): void {
    const end = path.lastIndexOf("/");
    if (end > 0) addDirectory(path.slice(0, end), 0o755);
  }
  function put(path: string, content: string | Uint8Array, mode: number): void {
    const place = resolve(path, false);
    symlinks.delete(place); // renamed over, as the real one does
    addParents(place);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
    files.set(place, { content: bytes, mode, uid: 0, gid: 0, modifiedMs: startedAt + elapsedMs });
  }
  function get(path: string): MemoryFile {
    const file = files.get(resolve(path));
    if (file === undefined) throw new Deno.errors.NotFound(`No such file or directory: "${path}"`);
    return file;
  }
  function getOwned(path: string): Owned {
    return directories.get(resolve(path)) ?? get(path);
  }
  function status(path: string): FileStatus | undefined {
    const { mode, uid, gid } = { mode: 0o777, uid: 0, gid: 0, ...directories.get(path), ...files.get(path) };
    const common = { sizeBytes: 0, mode, uid, gid, modifiedMs: startedAt };
    const file = files.get(path);
    if (file !== undefined) {
      return { ...common, kind: "file", sizeBytes: file.content.length, modifiedMs: file.modifiedMs };
    }
    if (directories.has(path)) return { ...common, kind: "directory" };
    return symlinks.has(path) ? { ...common, kind: "symlink" } : undefined;
  }
  /** As the real one: a circle of links is nothing. */
  function lookUp(path: string, followLast: boolean): FileStatus | undefined {
    try {
      return status(resolve(path, followLast));
    } catch (error) {
      if (error instanceof Deno.errors.FilesystemLoop) return undefined;
      throw error;
    }
  }
  function isFree(path: string): void {
    if (status(path) !== undefined) throw new Deno.errors.AlreadyExists(`File exists: "${path}"`);
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
  for (const [path, target] of Object.entries(options.symlinks ?? {})) {
    addParents(path);
    symlinks.set(path, target);
  }

  return {
    ran,
    files,
    directories,
    symlinks,
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
    openRead: (path, { offset, sizeBytes } = { offset: 0, sizeBytes: Infinity }) =>
      attempt(() => new Blob([get(path).content.subarray(offset, offset + sizeBytes)]).stream()),
    writeFile: (path, content, { mode = 0o644 } = {}) => attempt(() => put(path, content, mode)),
    createFile: (path, content, { mode = 0o644 } = {}) =>
      attempt(() => {
        if (status(resolve(path, false)) !== undefined) return false;
        put(path, content, mode);
        return true;
      }),
    writeStream: async (path, content, { mode = 0o644 } = {}) =>
      put(
        path,
        new Uint8Array(await new Response(content as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer()),
        mode,
      ),
    openWrite: (path, { mode = 0o644 } = {}) =>
      attempt(() => {
        put(path, "", mode);
        return {
          write: (bytes: Uint8Array) =>
            attempt(() => put(path, new Uint8Array([...get(path).content, ...bytes]), mode)),
          [Symbol.dispose]: () => {},
        };
      }),
    writeSparse: (path, { sizeBytes, parts }, { mode = 0o644 } = {}) =>
      attempt(() => {
        const content = new Uint8Array(sizeBytes);
        for (const { offset, bytes } of parts) content.set(bytes, offset);
        put(path, content, mode);
      }),
    lstat: (path) => attempt(() => lookUp(path, false)),
    stat: (path) => attempt(() => lookUp(path, true)),
    readDirectory: (path) =>
      attempt(() => {
        const place = resolve(path);
        if (!directories.has(place)) throw new Deno.errors.NotFound(`No such directory: "${path}"`);
        const prefix = place === "/" ? "/" : `${place}/`;
        const inside = [...files.keys(), ...directories.keys(), ...symlinks.keys()]
          .filter((name) => name.startsWith(prefix) && name !== place);
        return [...new Set(inside.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))].filter(Boolean).sort();
      }),
    makeDirectory: (path, { mode = 0o755 } = {}) => attempt(() => addDirectory(resolve(path), mode)),
    makeTempDirectory: ({ parent, prefix }) =>
      attempt(() => {
        const path = `${parent}/${prefix}${++counter}`;
        addDirectory(resolve(path), 0o700);
        return path;
      }),
    rename: (from, to) =>
      attempt(() => {
        const source = resolve(from, false);
        const place = resolve(to, false);
        if (directories.has(source) && status(place) === undefined) {
          addParents(place);
          for (const kind of [files, directories, symlinks]) moveInside<unknown>(kind, source, place);
          return;
        }
        const target = symlinks.get(source);
        const file = target === undefined ? get(source) : undefined;
        if (directories.has(place)) throw new Error(`Is a directory: "${to}"`);
        for (const kind of [files, symlinks]) kind.delete(source), kind.delete(place);
        addParents(place);
        if (target !== undefined) symlinks.set(place, target);
        else if (file !== undefined) files.set(place, file);
      }),
    remove: (path) =>
      attempt(() => {
        const place = resolve(path, false);
        const isInside = (name: string): boolean => name === place || name.startsWith(`${place}/`);
        for (const kind of [files, directories, symlinks]) {
          for (const name of [...kind.keys()].filter(isInside)) kind.delete(name);
        }
      }),
    removeOne: (path) =>
      attempt(() => {
        const place = resolve(path, false);
        if (status(place) === undefined) throw new Deno.errors.NotFound(`No such file or directory: "${path}"`);
        const hasContent = [...files.keys(), ...directories.keys(), ...symlinks.keys()]
          .some((name) => name.startsWith(`${place}/`));
        if (hasContent) throw new Error(`Directory not empty: "${path}"`);
        for (const kind of [files, directories, symlinks]) kind.delete(place);
      }),
    chmod: (path, mode) =>
      attempt(() => {
        getOwned(path).mode = mode;
      }),
    chown: (path, { uid, gid }) =>
      attempt(() => {
        Object.assign(getOwned(path), { uid, gid });
      }),
    readLink: (path) =>
      attempt(() => {
        const target = symlinks.get(resolve(path, false));
        if (target === undefined) throw new Error(`Not a symbolic link: "${path}"`);
        return target;
      }),
    copyExactly: (from, to) =>
      attempt(() => {
        const place = resolve(to, false);
        isFree(place);
        addParents(place);
        const target = symlinks.get(resolve(from, false));
        if (target !== undefined) symlinks.set(place, target);
        else files.set(place, { ...get(from) });
      }),
    sync: () => Promise.resolve(),
    tryLock: (path, holder) =>
      attempt(() => {
        const place = resolve(path);
        if (locks.has(place)) return undefined;
        locks.add(place);
        put(place, `${holder} (process 1)\n`, 0o644);
        return { [Symbol.dispose]: () => void locks.delete(place) };
      }),
    tryLockDirectory: (path) =>
      attempt(() => {
        const place = `${resolve(path)}/`;
        if (locks.has(place)) return { holderPid: 1 };
        locks.add(place);
        return { lock: { [Symbol.dispose]: () => void locks.delete(place) } };
      }),
    realPath: (path) => attempt(() => resolve(path)),
    monotonicMs: () => elapsedMs,
    processor: options.processor ?? "x86_64",
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

/** Gives everything at and below one path the same place at and below another. */
function moveInside<Value>(kind: Map<string, Value>, from: string, to: string): void {
  for (const [path, value] of [...kind]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue;
    kind.delete(path);
    kind.set(to + path.slice(from.length), value);
  }
}
