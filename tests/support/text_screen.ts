/** A machine's screen in text mode, read from its memory, and keys pressed on its keyboard. */

import type { Qmp } from "../../lib/qemu/qmp.ts";
import type { System } from "../../lib/system/system.ts";

/** A graphics card that starts in text mode, and a keyboard: more words of QEMU's command line. */
export const screenArguments: readonly string[] = ["-device", "VGA"];

/**
 * VGA's text mode: lines of 80 cells of two bytes, the character first. Linux scrolls by showing another part of this
 * memory (drivers/video/console/vgacon.c), so all of it is read: what is on the screen, and what has scrolled off it.
 */
const text = { address: 0xb8000, columns: 80, lines: 204 } as const;

/** @returns lines without their blank ends; code page 437, of which ASCII is a part */
export async function readScreen(system: System, control: Qmp, path: string): Promise<readonly string[]> {
  const size = text.columns * text.lines * 2;
  await control.execute("pmemsave", { val: text.address, size, filename: path });
  const bytes = await system.readFile(path);
  const characters = Array.from({ length: size / 2 }, (_, index) => String.fromCharCode(bytes[index * 2] ?? 0));
  return Array.from(
    { length: text.lines },
    (_, line) => characters.slice(line * text.columns, (line + 1) * text.columns).join("").replace(/[\0 ]+$/, ""),
  );
}

/** One after the other. @param keys by their place on a keyboard of the US, in QEMU's words (qapi/ui.json, QKeyCode) */
export async function pressKeys(control: Qmp, keys: readonly string[]): Promise<void> {
  for (const key of keys) await pressTogether(control, [key]);
}

/** All down, then all up. */
export async function pressTogether(control: Qmp, keys: readonly string[]): Promise<void> {
  for (const down of [true, false]) {
    const events = keys.map((data) => ({ type: "key", data: { down, key: { type: "qcode", data } } }));
    await control.execute("input-send-event", { events });
  }
}

const lookMs = 500;

/** @throws {Error} with the screen, when the time is over */
export async function waitForScreen(
  { system, control, path }: { readonly system: System; readonly control: Qmp; readonly path: string },
  pattern: RegExp,
  timeoutMs: number,
): Promise<readonly string[]> {
  const until = system.monotonicMs() + timeoutMs;
  for (;;) {
    const lines = await readScreen(system, control, path);
    if (lines.some((line) => pattern.test(line))) return lines;
    if (system.monotonicMs() > until) throw new Error(`${pattern} did not come; the screen shows\n${lines.join("\n")}`);
    await system.delay(lookMs);
  }
}
