/** Looks at the batteries of the machine that serves, and warns on the console. */
import type { System } from "../../lib/system/system.ts";
import type { Console } from "../shared/console.ts";
import { decideWarning, formatBell, noBatteryMemory, parsePower, type Power } from "./battery.ts";

const lookMs = 15_000;
const directory = "/sys/class/power_supply";

/** Runs until `signal` aborts. Never rejects. @param onPower called at each look */
export async function watchBattery(
  system: System,
  { console, signal, onPower }: {
    readonly console: Console;
    readonly signal: AbortSignal;
    readonly onPower: (power: Power) => void;
  },
): Promise<void> {
  let memory = noBatteryMemory;
  while (!signal.aborted) {
    const power = await readPower(system).catch(() => undefined);
    if (power !== undefined && !signal.aborted) {
      onPower(power);
      const decision = decideWarning(power, memory, system.monotonicMs());
      memory = decision.memory;
      if (decision.warning !== undefined) {
        const { text, beep } = decision.warning;
        if (beep !== undefined) console.ring(formatBell(beep));
        console.say(text);
      }
    }
    await system.delay(lookMs, signal).catch(() => {});
  }
}

/** Runs `ls`, `cat`. */
async function readPower(system: System): Promise<Power> {
  const options = { acceptExitCodes: [0, 1, 2], timeoutMs: 5_000 };
  const names = (await system.run(["ls", directory], options)).stdout.split("\n").filter((name) => name !== "");
  if (names.length === 0) return { kind: "mains" };
  // One may go while we look.
  const { stdout } = await system.run(["cat", ...names.map((name) => `${directory}/${name}/uevent`)], options);
  return parsePower(stdout);
}
