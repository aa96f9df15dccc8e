/** An export that another process has started and left behind: found again, watched from outside, and ended. */
import type { System } from "../system/system.ts";
import type { ExportState } from "./export_state.ts";
import { firstConnectionTimeoutMs, type NbdExport, type NbdExportEnd, syncDisk } from "./nbd_export.ts";
import { endNbdkit, findNbdkit, isNbdkit } from "./nbdkit_process.ts";

export interface AdoptOptions {
  /** Called when the client comes (true), or has no connection any more (false). */
  readonly onConnected?: (isConnected: boolean) => void;
}

const pollMs = 2_000;
/**
 * Without nbdkit's log, a client that has said goodbye looks like one whose connections failed. The kernel of a desktop that is still
 * there holds them for hours, whatever happens to the cable; when all are gone it has let go of the disk.
 */
const goneAfterMs = 10_000;

/**
 * @returns undefined when that export runs no more. Runs `pidof`, `cat`, `kill` and `sync`.
 */
export async function adoptNbdExport(
  system: System,
  state: Pick<ExportState, "disk" | "port" | "exportName" | "wasUsed">,
  options: AdoptOptions = {},
): Promise<NbdExport | undefined> {
  const pid = await findNbdkit(system, state.exportName);
  if (pid === undefined) return undefined;
  const stopping = new AbortController();
  const exited = (async (): Promise<NbdExportEnd> => {
    const end = await watchClient(system, { ...state, ...options, pid, signal: stopping.signal });
    await endNbdkit(system, state.exportName);
    await syncDisk(system, state.disk);
    return end;
  })();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await exited;
  };
  return { exited, stop, [Symbol.asyncDispose]: stop };
}

interface Watch extends AdoptOptions {
  readonly pid: number;
  readonly port: number;
  readonly exportName: string;
  readonly wasUsed: boolean;
  readonly signal: AbortSignal;
}

/** Until the client has gone, never came, nbdkit has ended, or the signal aborts. */
async function watchClient(system: System, watch: Watch): Promise<NbdExportEnd> {
  let wasUsed = watch.wasUsed;
  let wasConnected = wasUsed;
  let idleSinceMs = system.monotonicMs();
  for (;;) {
    if (watch.signal.aborted) return { reason: "stopped" };
    if (!await isNbdkit(system, watch.pid, watch.exportName)) return { reason: "failed", message: "nbdkit has ended" };
    const isConnected = await hasConnection(system, watch.port);
    if (isConnected) {
      wasUsed = true;
      idleSinceMs = system.monotonicMs();
    }
    if (isConnected !== wasConnected) watch.onConnected?.(isConnected);
    wasConnected = isConnected;
    const idleMs = system.monotonicMs() - idleSinceMs;
    if (wasUsed && idleMs >= goneAfterMs) return { reason: "disconnected" };
    if (idleMs >= firstConnectionTimeoutMs) return { reason: "failed", message: "no client connected" };
    await system.delay(pollMs, watch.signal).catch(() => {});
  }
}

async function hasConnection(system: System, port: number): Promise<boolean> {
  const { stdout } = await system.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], {
    acceptExitCodes: [0, 1], // a kernel without IPv6 has only the first
    timeoutMs: 5_000,
    isCleanup: true,
  });
  return countConnections(stdout, port) > 0;
}

/**
 * Established connections to a port of this machine.
 * @param text of /proc/net/tcp and tcp6 (proc_pid_net(5)): number, local address:port, remote address:port, state, … in hexadecimal
 */
export function countConnections(text: string, port: number): number {
  const established = "01"; // TCP_ESTABLISHED, include/net/tcp_states.h
  const local = port.toString(16).toUpperCase().padStart(4, "0");
  return text.split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => state === established && address?.endsWith(`:${local}`)).length;
}
