/**
 * What the server says when the export has ended under a desktop that did not say goodbye. Pure.
 *
 * The rule (doc/agents.md, "When the export breaks"): the disk stays lent to that desktop, and no other one gets it,
 * until that desktop asks for it again or the laptop is started anew.
 */
import type { Lease } from "../../lib/export/lease.ts";

/** The end of a sentence, for a desktop that is refused. */
export const howLostEnds =
  "its connection broke, and the server cannot know whether it was done: switch it off, then start it from the laptop again, or restart the laptop";

/** Lines for the console: large, because the user may be away right now. */
export function describeLostExport(
  { lease, reason }: { readonly lease: Lease; readonly reason: string },
): readonly string[] {
  const { name, mac } = lease.holder;
  const frame = "*".repeat(78);
  return [
    frame,
    "***  THE DISK IS CUT OFF FROM ITS DESKTOP",
    `***  "${name}" (${mac}) was running from it: ${reason}`,
    "***  It cannot go on: what it shows is what it has in memory, and nothing is written any more.",
    "***  No other desktop gets the disk until then. What to do:",
    `***    1. switch "${name}" off (hold its power key)`,
    `***    2. start "${name}" from this laptop again,`,
    "***       or press Ctrl-Alt-Del here: this laptop starts its own system",
    frame,
  ];
}
