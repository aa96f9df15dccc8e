/** A disk for one client over NVMe/TCP, by the kernel's own target. It goes on when the agent ends. */
import { CommandError, UserError } from "../../errors.ts";
import { describeEndpoint } from "../../net/address.ts";
import type { System } from "../../system/system.ts";
import { runExport, unusedEnd } from "../running_export.ts";
import { syncDisk } from "../sync_disk.ts";
import {
  type Adoption,
  type ExportEnd,
  type ExportEvents,
  firstConnectionTimeoutMs,
  type RunningExport,
} from "../transport.ts";
import { insideNamespace } from "../tunnel/raise_tunnel.ts";
import { LEND_NVME_PATH } from "./needs.ts";
import { emptyNvmetLog, type NvmetLogState, readDiskError, readNvmetLine } from "./nvmet_log.ts";

export interface NvmeExportSettings {
  /** Path of a block device. */
  readonly disk: string;
  /** The network namespace in which the kernel listens. Absent: our own. */
  readonly namespace?: string;
  /** The one address to listen on; it is there already. */
  readonly listenAddress: string;
  readonly port: number;
  /** Random UUIDs of this session: what the disk is called, and who may connect to it. */
  readonly subsystem: string;
  readonly host: string;
}

/** What is known of an export, to watch it. */
interface WatchedExport extends Pick<NvmeExportSettings, "disk" | "subsystem"> {
  /** A desktop was connected, and its line may have left the kernel's log. */
  readonly wasUsed: boolean;
}

const startTimeoutMs = 30_000;
/** The kernel's log is read again after this long when reading it has ended. */
const readAgainMs = 1_000;

/** Input of lend-nvme. @throws {TypeError} for what no session has */
export function formatLendSettings(settings: NvmeExportSettings): string {
  const { disk, listenAddress, port, subsystem, host } = settings;
  const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  if (!uuid.test(subsystem) || !uuid.test(host)) throw new TypeError("Not a UUID");
  // The kernel's target takes no address of a link alone: it keeps no zone.
  if (/[%\n]/.test(listenAddress)) throw new TypeError(`Not an address to listen on: "${listenAddress}"`);
  return `DEVICE=${disk}\nSUBSYSTEM=${subsystem}\nHOST=${host}\nADDRESS=${listenAddress}\nPORT=${port}\n`;
}

/** Runs `lend-nvme`, `cat` and `sync`. @throws {UserError} when the kernel does not lend it */
export async function startNvmeExport(
  system: System,
  settings: NvmeExportSettings,
  events: ExportEvents,
): Promise<RunningExport> {
  try {
    // The kernel listens where the program is that asks for it.
    await system.run([...insideNamespace(settings.namespace), LEND_NVME_PATH, "start"], {
      stdin: formatLendSettings(settings),
      timeoutMs: startTimeoutMs,
    });
  } catch (error) {
    await endLending(system, settings.subsystem).catch(() => {}); // no desktop knows of it
    if (!(error instanceof CommandError)) throw error;
    const where = describeEndpoint(settings.listenAddress, settings.port);
    const why = error.failure.lastLines?.at(-1) ?? error.message;
    throw new UserError(`Cannot export "${settings.disk}" on ${where}: ${why}`, { cause: error });
  }
  return watchExport(system, { ...settings, wasUsed: false }, events);
}

/** Takes over what an agent before this one has lent. Runs `lend-nvme`, `cat` and `sync`. */
export async function adoptNvmeExport(
  system: System,
  watched: WatchedExport,
  events: ExportEvents,
): Promise<Adoption> {
  const { exitCode } = await system.run([LEND_NVME_PATH, "check", watched.subsystem], { acceptExitCodes: [0, 1] });
  if (exitCode === 0) return { kind: "running", running: watchExport(system, watched, events) };
  await syncDisk(system, watched.disk);
  return {
    kind: "over",
    end: { reason: watched.wasUsed ? "lost" : "failed", message: "the kernel does not lend the disk any more" },
  };
}

function watchExport(system: System, watched: WatchedExport, events: ExportEvents): RunningExport {
  const over = Promise.withResolvers<ExportEnd>();
  const ended = new AbortController();
  const used = new AbortController();
  if (watched.wasUsed) used.abort();
  void followLog(system, watched, {
    signal: ended.signal,
    onState: (log, before) => {
      if (log.wasUsed) used.abort();
      if (log.saidGoodbye) return over.resolve({ reason: "disconnected" });
      const isConnected = log.controllers.length > 0;
      if (isConnected !== before.controllers.length > 0) events.onConnected?.(isConnected);
    },
    onDiskError: (message) => events.onDiskError?.(message),
  });
  const limitMs = firstConnectionTimeoutMs;
  system.delay(limitMs, AbortSignal.any([used.signal, ended.signal])).then(
    () => over.resolve(unusedEnd(limitMs)),
    () => {},
  );
  return runExport(system, {
    disk: watched.disk,
    over: over.promise,
    requestStop: () => over.resolve({ reason: "stopped" }),
    close: async () => {
      ended.abort();
      await endLending(system, watched.subsystem);
    },
  });
}

interface LogReader {
  readonly signal: AbortSignal;
  readonly onState: (log: NvmetLogState, before: NvmetLogState) => void;
  readonly onDiskError: (message: string) => void;
}

/**
 * Reads the kernel's log from its beginning, and goes on as it grows. Reading fails where the kernel has overwritten
 * what was not read yet (EPIPE); then it begins again, with what was known.
 */
async function followLog(
  system: System,
  { disk, subsystem, wasUsed }: WatchedExport,
  reader: LogReader,
): Promise<void> {
  let log: NvmetLogState = { ...emptyNvmetLog, wasUsed };
  const diskName = disk.slice(disk.lastIndexOf("/") + 1);
  let lastNumber = -1;
  while (!reader.signal.aborted) {
    await using cat = system.spawn(["cat", "/dev/kmsg"], {
      onLine: (line) => {
        // the number of the record: what was read before is read again from the beginning
        const number = Number(/^\d+,(\d+),/.exec(line)?.[1] ?? -1);
        if (number <= lastNumber) return;
        lastNumber = number;
        const before = log;
        log = readNvmetLine(log, line, subsystem);
        if (log !== before) reader.onState(log, before);
        const error = log.wasUsed ? readDiskError(line, diskName) : undefined;
        if (error !== undefined) reader.onDiskError(error);
      },
    });
    const onAbort = (): void => cat.kill("SIGTERM");
    reader.signal.addEventListener("abort", onAbort, { once: true });
    if (reader.signal.aborted) onAbort();
    await cat.exited;
    reader.signal.removeEventListener("abort", onAbort);
    await system.delay(readAgainMs, reader.signal).catch(() => {});
  }
}

/** Connections are ended first. @throws {CommandError} where the disk may be lent still */
async function endLending(system: System, subsystem: string): Promise<void> {
  const options = { isCleanup: true, timeoutMs: startTimeoutMs };
  try {
    await system.run([LEND_NVME_PATH, "stop", subsystem], options);
  } catch (error) {
    // One that came to its end has waited for all that was under way; what it leaves may be an empty directory.
    const hasEnded = error instanceof CommandError && !error.failure.timedOut && error.failure.exitCode !== undefined;
    if (!hasEnded) throw error;
    const { exitCode } = await system.run([LEND_NVME_PATH, "check", subsystem], {
      ...options,
      acceptExitCodes: [0, 1],
    });
    if (exitCode === 0) throw error;
  }
}
