/** `release`: ends a desktop's session in order, so that the laptop gets its disk back. */

import { StoppedByUser, UserError } from "../../errors.ts";
import { parseStatus, type StatusDetails } from "../../formats/status.ts";
import { demandNoInhibitor } from "../../restart/inhibitor.ts";
import type { System } from "../../system/system.ts";
import type { Ui } from "../../ui.ts";
import { askLaptop, findLaptop } from "../find_laptop.ts";

export interface ReleaseOptions {
  readonly dryRun?: boolean;
}

/**
 * Shuts this desktop down, after a question: an ordinary shutdown, whose last act tells the laptop. Runs `busctl` and
 * `systemctl`.
 * @throws {UserError} where this system does not run from a laptop's disk, or a program blocks shutdowns
 * @throws {StoppedByUser} on "no" and Ctrl-C
 */
export async function release(
  system: System,
  ui: Ui,
  { dryRun = false }: ReleaseOptions = {},
  ask: typeof askLaptop = askLaptop,
): Promise<void> {
  const address = await findLaptop(system);
  // A laptop that does not answer may have its cable out: the shutdown waits for it then, as all that uses the disk.
  const status = await ask(address).then(parseStatus, () => undefined);
  for (const line of describeRelease(status?.name, status?.details?.whenDone)) ui.say(line);
  if (await system.stat("/run/systemd/system") === undefined) {
    throw new UserError("This system does not run systemd: nothing was shut down", {
      hints: ["Shut it down as always (poweroff): that does the same"],
    });
  }
  await demandNoInhibitor(system);
  if (dryRun) return;
  if (!await ui.confirm("Shut this desktop down now?")) throw new StoppedByUser("Nothing was shut down");
  await system.run(["systemctl", "poweroff"], { timeoutMs: 60_000 });
  ui.say("Shutting down");
}

const ends: Readonly<Record<StatusDetails["whenDone"], string>> = {
  reboot: "starts its own system again",
  poweroff: "switches itself off",
  wait: "waits for the next desktop (server.on-end in config.yaml): Ctrl-Alt-Del there starts its own system",
};

/** Pure. */
function describeRelease(name: string | undefined, whenDone: StatusDetails["whenDone"] | undefined): readonly string[] {
  const laptop = name === undefined ? "the laptop" : `the laptop "${name}"`;
  return [
    "This desktop shuts down in order: programs are asked to end, and everything is written to the laptop's disk.",
    whenDone === undefined
      ? `Then ${laptop} learns of it. It does not answer right now: what it does then is not known.`
      : `Then ${laptop} learns of it, and ${ends[whenDone]}.`,
  ];
}
