/** How a laptop that serves comes back, in words: for people there before and after it has restarted. Pure. */
import type { OnEnd } from "./formats/kernel_command_line.ts";

export interface ServiceEnd {
  readonly onEnd: OnEnd;
  /** Without a desktop; 0: never. */
  readonly clientTimeoutSeconds: number;
}

export function describeServiceEnd({ onEnd, clientTimeoutSeconds }: ServiceEnd): readonly string[] {
  const ends = {
    reboot: "this computer starts its own system again",
    poweroff: "this computer switches itself off",
    wait: "this computer waits for the next one",
  }[onEnd];
  const time = clientTimeoutSeconds % 60 === 0 ? `${clientTimeoutSeconds / 60} min` : `${clientTimeoutSeconds} s`;
  return [
    `When a desktop is done, ${ends}.`,
    ...clientTimeoutSeconds > 0 && onEnd !== "wait" ? [`The same happens after ${time} without a desktop.`] : [],
    "To leave before: Ctrl-Alt-Del, or its power key held down, while no desktop uses the disk.",
  ];
}
