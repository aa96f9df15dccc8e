/** An export that another process has started and left behind: found again, watched from outside, and ended. */
import type { System } from "../../system/system.ts";
import { runExport, unusedEnd } from "../running_export.ts";
import { syncDisk } from "../sync_disk.ts";
import {
  type Adoption,
  type ExportEnd,
  type ExportEvents,
  type ExportNote,
  firstConnectionTimeoutMs,
} from "../transport.ts";
import { endWithoutGoodbye } from "./nbd_export.ts";
import { emptyNbdkitLog, hasClientLeft, type NbdkitLogState, readNbdkitLine } from "./nbdkit_log.ts";
import { endNbdkit, findNbdkit, mayRun } from "./nbdkit_process.ts";

export interface AdoptOptions extends Pick<ExportEvents, "onConnected"> {
  /** The log that `run-nbdkit` keeps. */
  readonly logPath: string;
}

const pollMs = 2_000;

/** Runs `pidof`, `cat`, `kill` and `sync`. */
export async function adoptNbdExport(
  system: System,
  state: ExportNote,
  options: AdoptOptions,
): Promise<Adoption> {
  const pid = await findNbdkit(system, state.exportName);
  if (pid === undefined) {
    await syncDisk(system, state.disk);
    return { kind: "over", end: endWithoutGoodbye(await readKeptLog(system, options.logPath, state.wasUsed)) };
  }
  const stopping = new AbortController();
  const running = runExport(system, {
    disk: state.disk,
    over: watchClient(system, { ...state, ...options, pid, signal: stopping.signal }),
    requestStop: () => stopping.abort(),
    close: () => endNbdkit(system, state.exportName),
  });
  return { kind: "running", running };
}

interface Watch extends AdoptOptions {
  readonly pid: number;
  readonly exportName: string;
  readonly wasUsed: boolean;
  readonly signal: AbortSignal;
}

/** Until the client has said goodbye, never came, nbdkit has ended, or the signal aborts. */
async function watchClient(system: System, watch: Watch): Promise<ExportEnd> {
  let wasConnected: boolean | undefined;
  const sinceMs = system.monotonicMs();
  for (;;) {
    if (watch.signal.aborted) return { reason: "stopped" };
    // In this order: what nbdkit had to say before it ended is in its log by then.
    const isRunning = await mayRun(system, watch.pid, watch.exportName);
    const log = await readKeptLog(system, watch.logPath, watch.wasUsed);
    if (hasClientLeft(log)) return { reason: "disconnected" };
    if (!isRunning) return endWithoutGoodbye(log);
    const isConnected = log.workers > 0;
    if (isConnected !== (wasConnected ?? log.wasUsed)) watch.onConnected?.(isConnected);
    wasConnected = isConnected;
    if (!log.wasUsed && system.monotonicMs() - sinceMs >= firstConnectionTimeoutMs) {
      return unusedEnd(firstConnectionTimeoutMs);
    }
    await system.delay(pollMs, watch.signal).catch(() => {});
  }
}

/** A log that cannot be read shows no goodbye: then no other desktop gets the disk. */
export async function readKeptLog(system: System, path: string, wasUsed: boolean): Promise<NbdkitLogState> {
  const text = await system.readText(path).catch(() => "");
  // The last line may be half written.
  const log = text.split("\n").slice(0, -1).reduce(readNbdkitLine, emptyNbdkitLog);
  return { ...log, wasUsed: log.wasUsed || wasUsed };
}
