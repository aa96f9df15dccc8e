/** How an export that runs comes to its end, the same for every transport. */
import type { System } from "../system/system.ts";
import { syncDisk } from "./sync_disk.ts";
import type { ExportEnd, RunningExport } from "./transport.ts";

export interface ExportLife {
  readonly disk: string;
  /** Why it is over; never rejects. */
  readonly over: Promise<ExportEnd>;
  /** Makes it be over, with the reason "stopped". */
  readonly requestStop: () => void;
  /** Lets go of the disk. @throws {CommandError} where that fails again and again */
  readonly close: () => Promise<void>;
}

/** Runs `sync` when the disk is free. */
export function runExport(system: System, { disk, over, requestStop, close }: ExportLife): RunningExport {
  const exited = (async (): Promise<ExportEnd> => {
    const end = await over;
    await close();
    await syncDisk(system, disk);
    return end;
  })();
  const stop = async (): Promise<void> => {
    requestStop();
    await exited;
  };
  return { exited, stop, [Symbol.asyncDispose]: stop };
}

/** The end of an export to which no desktop has come. */
export function unusedEnd(limitMs: number): ExportEnd {
  return { reason: "failed", message: `no client connected within ${Math.round(limitMs / 1000)} seconds` };
}
