/** A disk for one client over NBD, by a real nbdkit with its file plugin. */

import { UserError } from "../../errors.ts";
import { describeEndpoint } from "../../net/address.ts";
import type { System } from "../../system/system.ts";
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
  let log = emptyNbdkitLog;
  let wasConnected = false;
  const listening = Promise.withResolvers<void>();
  const over = Promise.withResolvers<ExportEnd>();
  const used = new AbortController();

  const command = [RUN_NBDKIT_PATH, options.logPath, ...nbdkitArguments(settings)];
  const nbdkit = system.spawn([...insideNamespace(settings.namespace), ...command], {
    isDetached: true,
    onLine: (line) => {
      log = readNbdkitLine(log, line);
      if (log.isListening) listening.resolve();
      const isConnected = log.workers > 0;
      if (isConnected && !used.signal.aborted) used.abort();
      if (hasClientLeft(log)) return over.resolve({ reason: "disconnected" });
      if (isConnected !== wasConnected) {
        wasConnected = isConnected;
        options.onConnected?.(isConnected);
      }
      const diskError = readDiskError(line);
      if (diskError !== undefined) options.onDiskError?.(diskError);
    },
  });
  const closed = new AbortController();
  const watching = nbdkit.exited.then(async () => {
    // Without its log nbdkit goes on, and so does the desktop.
    while (!closed.signal.aborted && await mayBeThere(system, settings.exportName)) {
      await system.delay(pollMs, closed.signal).catch(() => {});
    }
    over.resolve(endWithoutGoodbye(log));
  });
  const close = async (): Promise<void> => {
    await endNbdkit(system, settings.exportName);
    await nbdkit[Symbol.asyncDispose]();
    closed.abort();
    await watching;
  };

  const starting = new AbortController();
  const problem = await Promise.race([
    listening.promise.then(() => undefined),
    over.promise.then((end) => "message" in end ? end.message : `the client was gone at once (${end.reason})`),
    timeout(system, startTimeoutMs, starting.signal).then(() => "nbdkit did not listen in time"),
  ]);
  starting.abort();
  if (problem !== undefined) {
    await close();
    const where = describeEndpoint(settings.listenAddress, settings.port);
    throw new UserError(`Cannot export "${settings.disk}" on ${where}: ${problem}`, {
      hints: problem.includes("parse rule")
        ? ["Debian 12's nbdkit (1.32.5) cannot filter by address; that of Debian 13, which the image has, can"]
        : [],
    });
  }

  const limitMs = options.firstConnectionTimeoutMs ?? firstConnectionTimeoutMs;
  timeout(system, limitMs, used.signal).then(() => over.resolve(unusedEnd(limitMs)));
  return runExport(system, {
    disk: settings.disk,
    over: over.promise,
    requestStop: () => over.resolve({ reason: "stopped" }),
    close: async () => {
      used.abort();
      await close();
    },
  });
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
