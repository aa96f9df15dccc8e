/** From the running system into the image: load, check, shut down. */
import * as v from "valibot";
import { checkMemory, isKernelLoaded, loadKernel } from "../../lib/boot/kexec.ts";
import { UserError } from "../../lib/errors.ts";
import type { AutokexecSettings } from "../../lib/protocol/autokexec_settings.ts";
import { toPrintable } from "../../lib/protocol/text.ts";
import { readKernelFile, readLockdown } from "../../lib/system/facts.ts";
import type { System } from "../../lib/system/system.ts";
import { describeError } from "../shared/links.ts";

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

const InhibitorsSchema = v.object({
  // what, who, why, mode, user id, process id
  data: v.tuple([v.array(v.tuple([v.string(), v.string(), v.string(), v.string(), v.number(), v.number()]))]),
});

/**
 * Which program forbids a shutdown: inhibitor locks of mode "block", as package managers take them while they work (systemd-inhibit(1),
 * org.freedesktop.login1(5)). `systemctl kexec` of root passes them over.
 * @param text what busctl says of `ListInhibitors`
 */
export function findInhibitor(text: string): string | undefined {
  const { success, output } = v.safeParse(InhibitorsSchema, parseJsonText(text));
  const found = success
    ? output.data[0].find(([what, , , mode]) => mode === "block" && what.split(":").includes("shutdown"))
    : undefined;
  return found && toPrintable(`"${found[1]}" wants no shutdown now: ${found[2]}`, 200);
}

function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no logind
  }
}

/** Runs `busctl`. @throws {UserError} */
async function demandNoInhibitor(system: System): Promise<void> {
  const manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"];
  const argv = ["busctl", "--system", "--json=short", "call", ...manager, "ListInhibitors"];
  const { stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 10_000 });
  const inhibitor = findInhibitor(stdout);
  if (inhibitor !== undefined) throw new UserError(inhibitor);
}

/**
 * Loads the image; from then on a restart leads into it. Runs `stat`, `cat`, `kexec`, `busctl`.
 * @throws {UserError} or {CommandError} when it cannot be loaded; nothing is loaded then
 */
export async function loadImage(system: System, settings: AutokexecSettings): Promise<void> {
  const obstacle = await findObstacle(system);
  if (obstacle !== undefined) throw new UserError(`This machine cannot become a stiefelsystem: ${obstacle}`);
  await demandNoInhibitor(system);
  const { kernel, initrd, commandLine } = settings;
  // Not by reading them: they may be anywhere, and the agent may read its own settings only.
  const argv = ["stat", "--dereference", "--format=%s", "--", kernel, initrd];
  const sizes = (await system.run(argv, { timeoutMs: 10_000 })).stdout.trim().split("\n").map(Number);
  await checkMemory(system, sizes.reduce((sum, size) => sum + size, 0));
  try {
    await loadKernel(system, { kernel, initramfs: initrd, commandLine });
  } catch (error) {
    throw await explainLockdown(system, error);
  }
}

/** Runs `cat`. */
async function explainLockdown(system: System, error: unknown): Promise<unknown> {
  const lockdown = await readLockdown(system);
  if (lockdown === undefined) return error;
  return new UserError(
    `The kernel is locked down (${lockdown}, Secure Boot) and does not take the image: ${describeError(error)}`,
    {
      cause: error,
      hints: ["doctor says what can be done; with Secure Boot switched off in the firmware any image is taken"],
    },
  );
}

/**
 * An ordinary shutdown that ends in the loaded kernel; the shutdown ends this program. Runs `cat`, `busctl`, `systemctl`.
 * @throws {UserError} when nothing is loaded, or the machine goes on running
 */
export async function restartIntoImage(system: System): Promise<never> {
  if (!await isKernelLoaded(system)) throw new UserError("The loaded image is gone, nothing is shut down");
  await demandNoInhibitor(system);
  await system.run(["systemctl", "kexec"], { timeoutMs: 60_000 });
  await system.delay(shutdownMs);
  throw new UserError(`The system did not shut down within ${shutdownMs / 60_000} minutes`, {
    hints: ["systemctl list-jobs shows what it waits for"],
  });
}

/** Whether the system is still on its way to its default target, also when that cannot be known: systemctl(1), is-system-running. Runs `systemctl`. */
export async function isStarting(system: System): Promise<boolean> {
  try {
    return ["initializing", "starting"].includes(await readSystemState(system));
  } catch {
    return true;
  }
}

/** Whether the system surely goes on running: systemctl(1), is-system-running. Also when the agent is about to end. Runs `systemctl`. */
export async function isGoingOn(system: System): Promise<boolean> {
  return ["starting", "running", "degraded"].includes(await readSystemState(system));
}

async function readSystemState(system: System): Promise<string> {
  const argv = ["systemctl", "is-system-running"];
  const { stdout } = await system.run(argv, { acceptExitCodes: [0, 1], timeoutMs: 5_000, isCleanup: true });
  return stdout.trim();
}
