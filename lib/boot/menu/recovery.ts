/** Tells a normal boot entry from one for emergencies, which must not start on the desktop by accident. Pure. */

import { parseKernelCommandLine } from "../../formats/kernel_command_line.ts";
import type { NamedEntry } from "./entry.ts";

/**
 * Words that distributions put into titles or ids of such entries: Debian, Ubuntu, Arch, Fedora, openSUSE, memtest.
 */
const words = /\b(?:recovery|rescue|fallback|failsafe|emergency|single[- ]user|safe mode|memtest\w*)\b/i;

/** Kernel and systemd parameters that start no normal system (bootparam(7), kernel-command-line(7)). */
const parameters = new Set([
  "single",
  "s",
  "S",
  "1",
  "emergency",
  "rescue",
  "recovery",
  "-b",
  "rd.rescue",
  "rd.emergency",
  "systemd.unit=rescue.target",
  "systemd.unit=emergency.target",
]);

/** Our own image, which setup-server offers in GRUB's menu: a desktop that started it would be a server. */
const ownImage = "stiefel.role";

export function isRecovery(entry: Pick<NamedEntry, "title" | "commandLine">, id = ""): boolean {
  return words.test(entry.title) || words.test(id) ||
    parseKernelCommandLine(entry.commandLine).some(({ name, value }) =>
      name === ownImage || parameters.has(value === undefined ? name : `${name}=${value}`)
    );
}
