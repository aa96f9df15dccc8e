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
  /** Lets go of the disk; where that fails it is called again. */
  readonly close: () => Promise<void>;
}

const maximumTries = 5;
const tryAgainMs = 1_000;

/** Runs `sync` when the disk is free. */
export function runExport(system: System, { disk, over, requestStop, close }: ExportLife): RunningExport {
  const free = async (): Promise<void> => {
    await insist(system, close);
    await syncDisk(system, disk);
  };
  const exited = (async (): Promise<ExportEnd> => {
    const end = await over;
    await free();
    return end;
  })();
  const stop = async (): Promise<void> => {
    requestStop();
    await exited.catch(free);
  };
  return { exited, stop, [Symbol.asyncDispose]: stop };
}

/** On a machine without time or memory for a program, what fails now may work soon. */
async function insist(system: System, close: () => Promise<void>): Promise<void> {
  for (let triesLeft = maximumTries - 1; triesLeft > 0; triesLeft--) {
    try {
      return await close();
    } catch {
      await system.delay(tryAgainMs).catch(() => {}); // it rejects while everything ends
    }
  }
  await close();
}

/** The end of an export to which no desktop has come. */
export function unusedEnd(limitMs: number): ExportEnd {
  return { reason: "failed", message: `no client connected within ${Math.round(limitMs / 1000)} seconds` };
}
