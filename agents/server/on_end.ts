/** What ends the machine when the desktop is done. Pure. */
import type { OnEnd } from "../../lib/protocol/kernel_command_line.ts";

/** Programs to run, in order. The init of the image takes busybox's signals for both (reboot(8), poweroff(8) of busybox). */
export function planEnd(action: Exclude<OnEnd, "wait">): readonly (readonly string[])[] {
  return [["sync"], ["busybox", action]];
}
