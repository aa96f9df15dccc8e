/** A disk for one client over NBD, by a real nbdkit with its file plugin. */

import { UserError } from "../../errors.ts";
import { describeEndpoint } from "../../net/address.ts";
import { isAddressWithZone } from "../../formats/address.ts";
import type { System } from "../../system/system.ts";
import { RUN_NBDKIT_PATH } from "./run_nbdkit.ts";
import { endNbdkit, findNbdkit } from "./nbdkit_process.ts";
import {
  emptyNbdkitLog,
  hasClientLeft,
  mayBelieveToHaveDisk,
  nbdkitLogArguments,
  type NbdkitLogState,
  readDiskError,
  readNbdkitLine,
} from "./nbdkit_log.ts";

export interface NbdExportSettings {
  /** Path of a block device (or file, in tests). */
  readonly disk: string;
  readonly readOnly?: boolean;
  /** The one address to listen on; a link-local one with its zone (`fe80::1%eth0`). */
  readonly listenAddress: string;
  readonly port: number;
  /** The one address that may connect; a zone is ignored, as the listening address is bound to its link already. */
  readonly allowAddress: string;
  /** The only export; asking for any other name, or for none, is refused. */
  readonly exportName: string;
  /** The disk's logical block size: a power of two, 512 to 65536. Another one would shift or truncate partitions. */
  readonly blockSizeBytes: number;
}

/** Why an export is over. */
export type NbdExportEnd =
  /** The client said goodbye on all its connections. */
  | { readonly reason: "disconnected" }
  /** {@link NbdExport.stop} was called. */
  | { readonly reason: "stopped" }
  /** nbdkit ended by itself before any client came, or no client came in time. */
  | { readonly reason: "failed"; readonly message: string }
  /** nbdkit ended by itself (killed, out of memory) and a client had the disk: it may still believe so. */
  | { readonly reason: "lost"; readonly message: string };

/** Disposing of it stops it. */
export interface NbdExport extends AsyncDisposable {
  /** Never rejects. When it resolves, nbdkit has ended and what was written is on the disk. */
  readonly exited: Promise<NbdExportEnd>;
  stop(): Promise<void>;
}

export interface NbdExportOptions {
  /** Where the log is kept for an agent that is started later; its directory exists. */
  readonly logPath: string;
  /** How long to wait for the client's first connection: it starts a whole kernel in between. Default 15 minutes. */
  readonly firstConnectionTimeoutMs?: number;
  /** Called when the client comes (true), or is gone without a goodbye and may come back (false). */
  readonly onConnected?: (isConnected: boolean) => void;
  /** Called with the words of nbdkit when the disk fails to read or write. */
  readonly onDiskError?: (message: string) => void;
}

/** A desktop starts a whole kernel before it connects. */
export const firstConnectionTimeoutMs = 15 * 60_000;
const startTimeoutMs = 20_000;
const pollMs = 2_000;

/**
 * Starts nbdkit and waits until it listens. It goes on when we are killed, for {@link adoptNbdExport}. A client that is lost (cable pulled) may come back for as long as it likes: the desktop's
 * system waits for its disk too.
 * @throws {UserError} when nbdkit does not start. Runs `run-nbdkit` of the image, `pidof`, `cat`, `kill`, `sync`.
 */
export async function startNbdExport(
  system: System,
  settings: NbdExportSettings,
  options: NbdExportOptions,
): Promise<NbdExport> {
  // Of the export before this one, perhaps.
  await system.writeFile(options.logPath, "", { mode: 0o600 });
  let log = emptyNbdkitLog;
  let wasConnected = false;
  const listening = Promise.withResolvers<void>();
  const over = Promise.withResolvers<NbdExportEnd>();
  const used = new AbortController();

  const nbdkit = system.spawn([RUN_NBDKIT_PATH, options.logPath, ...nbdkitArguments(settings)], {
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
  nbdkit.exited.then(async () => {
    // Without its log nbdkit goes on, and so does the desktop.
    while (await findNbdkit(system, settings.exportName) !== undefined) await system.delay(pollMs).catch(() => {});
    over.resolve(endWithoutGoodbye(log));
  });

  const starting = new AbortController();
  const problem = await Promise.race([
    listening.promise.then(() => undefined),
    over.promise.then((end) => "message" in end ? end.message : `the client was gone at once (${end.reason})`),
    timeout(system, startTimeoutMs, starting.signal).then(() => "nbdkit did not listen in time"),
  ]);
  starting.abort();
  if (problem !== undefined) {
    await endNbdkit(system, settings.exportName);
    await nbdkit[Symbol.asyncDispose]();
    const where = describeEndpoint(settings.listenAddress, settings.port);
    throw new UserError(`Cannot export "${settings.disk}" on ${where}: ${problem}`, {
      hints: problem.includes("parse rule")
        ? ["Debian 12's nbdkit (1.32.5) cannot filter by address; that of Debian 13, which the image has, can"]
        : [],
    });
  }

  const limitMs = options.firstConnectionTimeoutMs ?? firstConnectionTimeoutMs;
  timeout(system, limitMs, used.signal).then(() => {
    over.resolve({ reason: "failed", message: `no client connected within ${Math.round(limitMs / 1000)} seconds` });
  });
  const exited = (async (): Promise<NbdExportEnd> => {
    const end = await over.promise;
    used.abort();
    await endNbdkit(system, settings.exportName);
    await nbdkit[Symbol.asyncDispose]();
    await syncDisk(system, settings.disk);
    return end;
  })();
  const stop = async (): Promise<void> => {
    over.resolve({ reason: "stopped" });
    await exited;
  };
  return { exited, stop, [Symbol.asyncDispose]: stop };
}

/** fsync(2) on the disk: what the client did not flush any more leaves the disk's write cache before anybody reboots. Runs `sync`. */
export async function syncDisk(system: System, disk: string): Promise<void> {
  await system.run(["sync", disk], { isCleanup: true, timeoutMs: 120_000 }).catch(() => {});
}

/**
 * nbdkit(1), nbdkit-file-plugin(1), nbdkit-ip-filter(1), nbdkit-exportname-filter(1), nbdkit-blocksize-policy-filter(1).
 * FUA, flush, trim, zero and several connections are on by themselves in the file plugin.
 * @throws {TypeError} when an address, the name or the block size is not one
 */
export function nbdkitArguments(settings: NbdExportSettings): readonly string[] {
  const allowAddress = settings.allowAddress.split("%", 1)[0] ?? "";
  for (const address of [allowAddress, settings.listenAddress]) {
    if (!isAddressWithZone(address)) throw new TypeError(`"${address}" is not an address`);
  }
  const { blockSizeBytes: size, exportName } = settings;
  if (size < 512 || size > 65536 || (size & (size - 1)) !== 0) throw new TypeError(`Not a block size: ${size}`);
  if (!/^[\w.-]{1,64}$/.test(exportName)) throw new TypeError(`Not an export name: "${exportName}"`);
  return [
    // In the background: nbdkit has itself killed when its parent ends (PR_SET_PDEATHSIG), even when it is not asked to.
    ...nbdkitLogArguments,
    "--newstyle",
    "--tls=off",
    "--threads=16",
    `--ipaddr=${settings.listenAddress}`,
    `--port=${settings.port}`,
    ...(settings.readOnly ? ["--readonly"] : []),
    "--filter=ip",
    "--filter=exportname",
    "--filter=blocksize-policy",
    "file",
    `file=${settings.disk}`,
    `allow=${allowAddress}`,
    "deny=all",
    `exportname=${exportName}`,
    "exportname-strict=true",
    // the name is a secret of this session: never listed
    "exportname-list=empty",
    "exportdesc=none",
    `blocksize-minimum=${size}`,
    `blocksize-preferred=${size}`,
    // 32 MiB, what every client may assume (NBD protocol, "Block size constraints")
    "blocksize-maximum=33554432",
    "blocksize-error-policy=error",
  ];
}

/** Resolves after `ms`; never, once `signal` is aborted. */
function timeout(system: System, ms: number, signal: AbortSignal): Promise<void> {
  return system.delay(ms, signal).catch(() => new Promise<never>(() => {}));
}

/** What it means that nbdkit has ended by itself. */
export function endWithoutGoodbye(log: NbdkitLogState): NbdExportEnd {
  if (hasClientLeft(log)) return { reason: "disconnected" };
  const message = ["nbdkit ended", ...(log.errors.length === 0 ? [] : [log.errors.join("; ")])].join(": ");
  return { reason: mayBelieveToHaveDisk(log) ? "lost" : "failed", message };
}
