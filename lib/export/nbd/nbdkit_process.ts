/** The nbdkit of an export among all processes: it runs in the background, and not as our child. */
import type { System } from "../../system/system.ts";

const endTimeoutMs = 5_000;

/** Its export name, random and used once, tells it from any other. */
export async function findNbdkit(system: System, exportName: string): Promise<number | undefined> {
  const { stdout } = await system.run(["pidof", "nbdkit"], {
    acceptExitCodes: [0, 1],
    timeoutMs: 5_000,
    isCleanup: true,
  });
  for (const pid of stdout.trim().split(" ").filter((word) => word !== "").map(Number)) {
    if (await isNbdkit(system, pid, exportName)) return pid;
  }
  return undefined;
}

/**
 * proc_pid_cmdline(5): the arguments, each with a zero byte behind it; empty for a process that has ended and was not
 * waited for.
 */
async function isNbdkit(system: System, pid: number, exportName: string): Promise<boolean> {
  const { stdout } = await system.run(["cat", `/proc/${pid}/cmdline`], {
    acceptExitCodes: [0, 1],
    timeoutMs: 5_000,
    isCleanup: true,
  });
  return stdout.split("\0").includes(`exportname=${exportName}`);
}

/** Yes also where a look fails, on a machine without time or memory for it: that is no reason to end a session. */
export async function mayRun(system: System, pid: number, exportName: string): Promise<boolean> {
  return await isNbdkit(system, pid, exportName).catch(() => true);
}

/** As {@link mayRun}, where the number of the process is not known. */
export async function mayBeThere(system: System, exportName: string): Promise<boolean> {
  return await findNbdkit(system, exportName).then((pid) => pid !== undefined, () => true);
}

/** Asks it to end, then makes it; resolves when it has ended. Runs `pidof`, `cat`, `kill`. */
export async function endNbdkit(system: System, exportName: string): Promise<void> {
  const pid = await findNbdkit(system, exportName);
  if (pid === undefined) return;
  for (const signal of ["-TERM", "-KILL"]) {
    const deadline = system.monotonicMs() + endTimeoutMs;
    if (!await isNbdkit(system, pid, exportName)) return;
    // 1: it has ended just now
    await system.run(["kill", signal, String(pid)], { acceptExitCodes: [0, 1], isCleanup: true, timeoutMs: 5_000 });
    while (system.monotonicMs() < deadline && await isNbdkit(system, pid, exportName)) await pause(system);
  }
}

/** Also while everything ends, when `delay` rejects at once. */
async function pause(system: System): Promise<void> {
  await system.run(["cat", "/dev/null"], { isCleanup: true });
  await system.delay(50).catch(() => {});
}
