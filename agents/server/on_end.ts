/** What ends the machine when the desktop is done. Pure. */
import type { OnEnd } from "../../lib/protocol/kernel_command_line.ts";

/** Programs to run, in order. `reboot` and `poweroff` are those of the image's init (busybox), which takes devices down first. */
export function planEnd(action: Exclude<OnEnd, "wait">): readonly (readonly string[])[] {
  return [["sync"], [action]];
}
