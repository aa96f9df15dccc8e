/** The laptop whose disk this desktop runs from: where its status is asked for, and asking. */
import { UserError } from "../errors.ts";
import { parseSessionState, type SessionState, sessionStatePath } from "../formats/session_state.ts";
import { STATUS_PORT } from "../formats/status.ts";
import { askPage } from "../net/ask_page.ts";
import type { System } from "../system/system.ts";

/**
 * The laptop's address, on a desktop.
 * @throws {UserError} elsewhere
 */
export async function findLaptop(system: System): Promise<string> {
  return (await findSession(system)).address;
}

/** The same. */
export async function findSession(
  system: System,
): Promise<{ readonly session: SessionState; readonly address: string }> {
  if (await system.stat(sessionStatePath) === undefined) {
    throw new UserError("This system does not run from the disk of a laptop", {
      hints: ["This command is for a desktop that was started from a laptop"],
    });
  }
  const session = parseSessionState(await system.readText(sessionStatePath));
  if (session.statusAddress !== undefined) return { session, address: session.statusAddress };
  if (session.hasEngine) {
    throw new UserError("The disk of this desktop is that of a storage system: no laptop knows of its state", {
      hints: ["Shut it down as always (poweroff); doc/fleet.md"],
    });
  }
  throw new UserError(
    "The initramfs of this desktop is older than this command: it did not note the laptop's address",
    {
      hints: ["Run setup-server again, on the laptop, then start this desktop again"],
    },
  );
}

/** @returns `status.json`; it throws as {@link askPage} does */
export async function askLaptop(address: string): Promise<string> {
  return await askPage({ address, port: STATUS_PORT }, "/status.json");
}
