/** The way of a running system into a kernel that is loaded: an ordinary shutdown. */
import { isKernelLoaded } from "../boot/kexec.ts";
import { CommandError, UserError } from "../errors.ts";
import { readKernelFile } from "../system/facts.ts";
import type { System } from "../system/system.ts";
import { demandNoInhibitor } from "./inhibitor.ts";

/** Longer than units get to stop (DefaultTimeoutStopSec= of systemd-system.conf(5): 90 s), several times over. */
const shutdownMs = 10 * 60_000;

/** Why this machine cannot start another kernel, as far as it can be seen without trying. Runs `cat`. */
export async function findObstacle(system: System): Promise<string | undefined> {
  if (await readKernelFile(system, "/sys/kernel/kexec_loaded") === undefined) {
    return "its kernel has no kexec (CONFIG_KEXEC, CONFIG_KEXEC_FILE)";
  }
  // Documentation/admin-guide/sysctl/kernel.rst
  if (await readKernelFile(system, "/proc/sys/kernel/kexec_load_disabled") === "1") {
    return "kexec is switched off until the next start (kernel.kexec_load_disabled=1, see sysctl.d)";
  }
  return undefined;
}

/**
 * An ordinary shutdown that ends in the loaded kernel. Returns when the shutdown asks this program to end, as it asks
 * all: what is loaded has to stay then. Runs `cat`, `busctl`, `systemctl`.
 * @throws {UserError} when nothing is loaded, or the machine goes on running
 */
export async function shutDownIntoKernel(system: System): Promise<void> {
  if (!await isKernelLoaded(system)) throw new UserError("The loaded kernel is gone, nothing is shut down");
  await demandNoInhibitor(system);
  try {
    await system.run(["systemctl", "kexec"], { timeoutMs: 60_000 });
    await system.delay(shutdownMs);
  } catch (error) {
    if (await isGoingOn(system).catch(() => error instanceof CommandError)) throw error;
    return;
  }
  throw new UserError(`The system did not shut down within ${shutdownMs / 60_000} minutes`, {
    hints: ["systemctl list-jobs shows what it waits for"],
  });
}

/**
 * Whether the system is still on its way to its default target, also when that cannot be known: systemctl(1),
 * is-system-running. Runs `systemctl`.
 */
export async function isStarting(system: System): Promise<boolean> {
  try {
    return ["initializing", "starting"].includes(await readSystemState(system));
  } catch {
    return true;
  }
}

/**
 * Whether the system surely goes on running: systemctl(1), is-system-running. Also when the agent is about to end.
 * Runs `systemctl`.
 */
export async function isGoingOn(system: System): Promise<boolean> {
  return ["starting", "running", "degraded"].includes(await readSystemState(system));
}

async function readSystemState(system: System): Promise<string> {
  const argv = ["systemctl", "is-system-running"];
  const { stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 5_000, isCleanup: true });
  return stdout.trim();
}
