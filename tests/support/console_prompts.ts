/**
 * Answering questions of a machine's console. They end no line, so they are looked for in what QEMU writes down as it
 * comes.
 */

import { cleanConsoleText } from "../../lib/qemu/console.ts";
import type { System } from "../../lib/system/system.ts";
import type { Vm } from "../../lib/qemu/run_vm.ts";

export interface PromptAnswer {
  readonly prompt: RegExp;
  /** Typed, with Enter, each time. */
  readonly answer: string;
}

const lookMs = 1_000;
/** A menu is there for three seconds only. */
const quickLookMs = 200;

/** Answers until it is disposed of, or the machine ends. */
export function answerPrompts(system: System, vm: Vm, { prompt, answer }: PromptAnswer): AsyncDisposable {
  const isOver = new AbortController();
  vm.ended.then(() => isOver.abort());
  const work = (async () => {
    let from = 0;
    while (!isOver.signal.aborted) {
      const found = findPrompts(await readConsole(system, vm), { prompt, from });
      from = found.end;
      for (let count = 0; count < found.count; count++) vm.type(`${answer}\n`);
      await system.delay(lookMs, isOver.signal).catch(() => {});
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      isOver.abort();
      await work;
    },
  };
}

/**
 * Waits for something that ends no line: a prompt, or an entry of a boot loader's menu.
 * @param options.from what came before is not searched @returns the end of what was found, to go on from
 * @throws {Error} with the end of the console, when the time is over or the machine has ended
 */
export async function waitForText(
  system: System,
  vm: Vm,
  pattern: RegExp,
  { timeoutMs, from = 0, unless }: {
    readonly timeoutMs: number;
    readonly from?: number;
    /** What ends the wait at once. */
    readonly unless?: RegExp;
  },
): Promise<number> {
  const untilMs = system.monotonicMs() + timeoutMs;
  let hasEnded = false;
  vm.ended.then(() => hasEnded = true);
  for (;;) {
    const isLast = hasEnded || system.monotonicMs() > untilMs;
    const text = await readConsole(system, vm);
    const found = pattern.exec(text.slice(from));
    if (found !== null) return from + found.index + found[0].length;
    if (isLast || unless?.test(text.slice(from))) {
      throw new Error(`Machine "${vm.name}": ${pattern} did not come; its console ends with\n${text.slice(-2_000)}`);
    }
    await system.delay(quickLookMs);
  }
}

async function readConsole(system: System, vm: Vm): Promise<string> {
  if (await system.stat(vm.rawLogPath) === undefined) return "";
  // One character for each byte: a boot loader draws in code page 437.
  const text = new TextDecoder("latin1").decode(await system.readFile(vm.rawLogPath));
  // GRUB moves the cursor also in the middle of its prompt for a passphrase.
  return text.split("\n").map(cleanConsoleText).join("\n");
}

/**
 * Pure. @param from where the last look ended: earlier text is not searched again
 * @returns how many prompts came since, and where the next look starts
 */
export function findPrompts(
  text: string,
  { prompt, from }: { readonly prompt: RegExp; readonly from: number },
): { readonly count: number; readonly end: number } {
  const found = [...text.slice(from).matchAll(new RegExp(prompt, "g"))];
  const last = found.at(-1);
  return { count: found.length, end: last === undefined ? from : from + last.index + last[0].length };
}
