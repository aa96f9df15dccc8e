/** A disk for one client over NBD, by a real nbdkit with its file plugin. */

import { UserError } from "../../errors.ts";
import { describeEndpoint } from "../../net/address.ts";
import type { RunningProcess, System } from "../../system/system.ts";
import { runExport, unusedEnd } from "../running_export.ts";
import { type ExportEnd, type ExportEvents, firstConnectionTimeoutMs, type RunningExport } from "../transport.ts";
import { insideNamespace } from "../tunnel/raise_tunnel.ts";
import { RUN_NBDKIT_PATH } from "./needs.ts";
import { type NbdExportSettings, nbdkitArguments } from "./nbdkit_arguments.ts";
import { endNbdkit, mayBeThere } from "./nbdkit_process.ts";
import {
  emptyNbdkitLog,
  hasClientLeft,
  mayBelieveToHaveDisk,
  type NbdkitLogState,
  readDiskError,
  readNbdkitLine,
} from "./nbdkit_log.ts";

export interface NbdExportOptions extends ExportEvents {
  /** Where the log is kept for an agent that is started later; its directory exists. */
  readonly logPath: string;
  /** How long to wait for the client's first connection: it starts a whole kernel in between. Default 15 minutes. */
  readonly firstConnectionTimeoutMs?: number;
}

const startTimeoutMs = 20_000;
const pollMs = 2_000;

/**
 * Starts nbdkit and waits until it listens. It goes on when we are killed, for {@link adoptNbdExport}. A client that
 * is lost (cable pulled) may come back for as long as it likes: the desktop's system waits for its disk too.
 * @throws {UserError} when nbdkit does not start. Runs `run-nbdkit` of the image, `pidof`, `cat`, `kill`, `sync`.
 */
export async function startNbdExport(
  system: System,
  settings: NbdExportSettings,
  options: NbdExportOptions,
): Promise<RunningExport> {
  // Of the export before this one, perhaps.
  await system.writeFile(options.logPath, "", { mode: 0o600 });
  const nbdkit = new StartedNbdkit(system, settings, options);
  const problem = await nbdkit.findProblem();
  if (problem !== undefined) {
    await nbdkit.close();
    throw cannotExport(settings, problem);
  }
  nbdkit.limitWait(options.firstConnectionTimeoutMs ?? firstConnectionTimeoutMs);
  return runExport(system, {
    disk: settings.disk,
    over: nbdkit.over,
    requestStop: () => nbdkit.requestStop(),
    close: () => nbdkit.close(),
  });
}

function cannotExport({ disk, listenAddress, port }: NbdExportSettings, problem: string): UserError {
  return new UserError(`Cannot export "${disk}" on ${describeEndpoint(listenAddress, port)}: ${problem}`, {
    hints: problem.includes("parse rule")
      ? ["Debian 12's nbdkit (1.32.5) cannot filter by address; that of Debian 13, which the image has, can"]
      : [],
  });
}

/** What its log tells from its start on, and its end. */
class StartedNbdkit {
  readonly #system: System;
  readonly #exportName: string;
  readonly #events: ExportEvents;
  readonly #process: RunningProcess;
  readonly #listening = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<ExportEnd>();
  readonly #used = new AbortController();
  readonly #closed = new AbortController();
  readonly #watching: Promise<void>;
  #log = emptyNbdkitLog;
  #wasConnected = false;

  constructor(system: System, settings: NbdExportSettings, { logPath, ...events }: NbdExportOptions) {
    this.#system = system;
    this.#exportName = settings.exportName;
    this.#events = events;
    const command = [RUN_NBDKIT_PATH, logPath, ...nbdkitArguments(settings)];
    this.#process = system.spawn([...insideNamespace(settings.namespace), ...command], {
      isDetached: true,
      onLine: (line) => this.#read(line),
    });
    this.#watching = this.#process.exited.then(() => this.#watchWithoutLog());
  }

  /** Why the export is over; never rejects. */
  get over(): Promise<ExportEnd> {
    return this.#over.promise;
  }

  #read(line: string): void {
    this.#log = readNbdkitLine(this.#log, line);
    if (this.#log.isListening) this.#listening.resolve();
    const isConnected = this.#log.workers > 0;
    if (isConnected && !this.#used.signal.aborted) this.#used.abort();
    if (hasClientLeft(this.#log)) return this.#over.resolve({ reason: "disconnected" });
    if (isConnected !== this.#wasConnected) {
      this.#wasConnected = isConnected;
      this.#events.onConnected?.(isConnected);
    }
    const diskError = readDiskError(line);
    if (diskError !== undefined) this.#events.onDiskError?.(diskError);
  }

  /** Without its log nbdkit goes on, and so does the desktop. */
  async #watchWithoutLog(): Promise<void> {
    while (!this.#closed.signal.aborted && await mayBeThere(this.#system, this.#exportName)) {
      await this.#system.delay(pollMs, this.#closed.signal).catch(() => {});
    }
    this.#over.resolve(endWithoutGoodbye(this.#log));
  }

  /** @returns undefined once it listens */
  async findProblem(): Promise<string | undefined> {
    const starting = new AbortController();
    const problem = await Promise.race([
      this.#listening.promise.then(() => undefined),
      this.over.then((end) => "message" in end ? end.message : `the client was gone at once (${end.reason})`),
      timeout(this.#system, startTimeoutMs, starting.signal).then(() => "nbdkit did not listen in time"),
    ]);
    starting.abort();
    return problem;
  }

  /** It is over when no client has come by then. */
  limitWait(ms: number): void {
    timeout(this.#system, ms, this.#used.signal).then(() => this.#over.resolve(unusedEnd(ms)));
  }

  requestStop(): void {
    this.#over.resolve({ reason: "stopped" });
  }

  async close(): Promise<void> {
    this.#used.abort();
    await endNbdkit(this.#system, this.#exportName);
    await this.#process[Symbol.asyncDispose]();
    this.#closed.abort();
    await this.#watching;
  }
}

/** Resolves after `ms`; never, once `signal` is aborted. */
function timeout(system: System, ms: number, signal: AbortSignal): Promise<void> {
  return system.delay(ms, signal).catch(() => new Promise<never>(() => {}));
}

/** What it means that nbdkit has ended by itself. */
export function endWithoutGoodbye(log: NbdkitLogState): ExportEnd {
  if (hasClientLeft(log)) return { reason: "disconnected" };
  const message = ["nbdkit ended", ...(log.errors.length === 0 ? [] : [log.errors.join("; ")])].join(": ");
  return { reason: mayBelieveToHaveDisk(log) ? "lost" : "failed", message };
}
