/**
 * The client on a desktop that runs its own Linux: what has to be there before anything is asked of a laptop, the
 * question, and the ordinary shutdown that ends in the laptop's kernel.
 */
import { findTunnelPrograms } from "../../lib/export/tunnel/desktop_programs.ts";
import { CommandError, StoppedByUser, UserError } from "../../lib/errors.ts";
import { sessionStatePath } from "../../lib/formats/session_state.ts";
import { demandNoInhibitor } from "../../lib/restart/inhibitor.ts";
import { findObstacle } from "../../lib/restart/shut_down.ts";
import type { System } from "../../lib/system/system.ts";
import { type Console, NoTerminal } from "../shared/console.ts";

/** There where systemd is the first program (sd_booted(3)). */
const systemdPath = "/run/systemd/system";
/** The laptop waits 3 minutes for word that all is well (`SERVER_WAIT_MS`). */
const answerMs = 2 * 60_000;

/**
 * Looks at this system, before a laptop is asked for anything. Runs `id`, `cat`, `kexec`, `busctl`.
 * @throws {UserError} with what is missing, or stands against a restart
 */
export async function demandOwnSystem(system: System): Promise<void> {
  if (await system.stat(sessionStatePath) !== undefined) {
    throw new UserError("This system runs from a laptop's disk already", {
      hints: ["Shut it down first: the laptop is free again then"],
    });
  }
  if (await system.stat(systemdPath) === undefined) {
    throw new UserError("This system does not run systemd, whose shutdown leads into the laptop's kernel", {
      hints: ["Start this desktop from a stick: setup-client-usbdrive makes one"],
    });
  }
  if ((await system.run(["id", "-u"], { timeoutMs: 10_000 })).stdout.trim() !== "0") {
    throw new UserError("Starting another kernel takes root", { hints: ["Run it as root, for example with sudo"] });
  }
  const obstacle = await findObstacle(system);
  if (obstacle !== undefined) throw new UserError(`This computer cannot start another kernel: ${obstacle}`);
  await system.run(["kexec", "--version"], { timeoutMs: 10_000 }).catch((error) => {
    if (!(error instanceof CommandError) || !error.failure.notFound) throw error;
    throw new UserError('"kexec" is not installed on this computer', {
      hints: ["It comes with the package kexec-tools"],
    });
  });
  await findTunnelPrograms(system);
  await demandNoInhibitor(system);
}

/**
 * Asks whether this system shall shut down now; no answer within two minutes is a no.
 * @throws {StoppedByUser} on anything but yes; {UserError} where no person can be asked
 */
export async function askToLeave(
  console: Console,
  { title, signal }: { readonly title: string; readonly signal: AbortSignal },
): Promise<void> {
  const no = "This computer goes on as it is; the laptop's disk is free again";
  console.say(`This computer shuts down as for any restart, and starts "${title}" from the laptop.`);
  console.say("All programs here end, all users are logged out. Its own system is back after the next restart.");
  const question = "Shut this computer down now? [y/N] ";
  const limit = AbortSignal.timeout(answerMs);
  const answer = await console.askLine(question, AbortSignal.any([signal, limit]), () => {}).catch((error) => {
    signal.throwIfAborted();
    if (limit.aborted) throw new StoppedByUser(`No answer within ${answerMs / 60_000} minutes. ${no}`);
    if (error instanceof NoTerminal) throw new UserError("There is no terminal to ask on", { hints: ["Give --yes"] });
    throw error;
  });
  if (!/^\s*y(es)?\s*$/i.test(answer)) throw new StoppedByUser(no);
}
