/** The keymap of this machine's own console. */
import { detectKeymap } from "../config/keymap.ts";
import type { System } from "../system/system.ts";

/** @returns a name as its files have it; undefined when none names one, or none can be read */
export async function readHostKeymap(system: System): Promise<string | undefined> {
  const read = (path: string): Promise<string> => system.readText(path).catch(() => "");
  return detectKeymap({
    vconsole: await read("/etc/vconsole.conf"),
    keyboard: await read("/etc/default/keyboard"),
    openrc: await read("/etc/conf.d/keymaps"),
  });
}
