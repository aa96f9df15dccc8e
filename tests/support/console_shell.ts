/** A root shell on a machine's serial console: commands in, their output and exit status back. */

import { UserError } from "../../lib/errors.ts";
import type { System } from "../../lib/system/system.ts";
import type { Vm } from "../../lib/qemu/run_vm.ts";

/**
 * The credentials that make a system with systemd 256 or later start a root shell on its serial console without asking
 * (systemd.system-credentials(7): agetty.autologin, login.noauth).
 */
export const autologinCredentials = { "agetty.autologin": "root", "login.noauth": "yes" } as const;

export interface ShellResult {
  readonly exitCode: number;
  /** What was on the console from the command's start to its end, other programs' messages included. */
  readonly lines: readonly string[];
}

export interface ConsoleShell {
  /**
   * Runs a line of POSIX shell, by itself: what it sets is gone afterwards. It has no terminal.
   * @throws {UserError} when it does not end in time */
  run(command: string, options: { readonly timeoutMs: number }): Promise<ShellResult>;
  /** The same. @throws {UserError} also when its exit status is not 0 */
  mustRun(command: string, options: { readonly timeoutMs: number }): Promise<readonly string[]>;
}

/** What a shell is spoken to by: a machine with its first serial console, or another one. */
export type ShellConsole = Pick<Vm, "name" | "lines" | "logPath" | "type" | "waitForLine">;

/** How often a shell that may not be there yet is spoken to. */
const attemptMs = 5_000;

/** @throws {UserError} when there is no shell in time */
export async function openConsoleShell(
  system: System,
  vm: ShellConsole,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<ConsoleShell> {
  let count = 0;
  await greet();

  /** What is typed before the shell reads is lost: getty and login empty their input. */
  async function greet(): Promise<void> {
    const untilMs = system.monotonicMs() + timeoutMs;
    for (;;) {
      const from = vm.lines.length;
      // A plain shell: no prompt, no line editing, nothing of what is typed comes back; on a line of its own. The sum
      // tells an answer from an echo.
      vm.type("\nexec env PS1= PS2= sh\nstty -echo; echo; echo shell-$((40 + 2))\n");
      const found = await vm.waitForLine(/^shell-42$/, { timeoutMs: attemptMs, from }).then(() => true, (error) => {
        if (system.monotonicMs() >= untilMs) throw error;
        return false;
      });
      if (found) return;
    }
  }

  async function run(command: string, options: { readonly timeoutMs: number }): Promise<ShellResult> {
    const mark = `done-${++count}`;
    const from = vm.lines.length;
    // Its output comes through a pipe, so that programs do not draw on the console; its exit status by a second one
    // (3).
    vm.type(
      `{ status=$({ { (${command}\n) 3>&- 4>&-; echo $? >&3; } </dev/null 2>&1 | cat >&4; } 3>&1); } 4>&1\n` +
        `printf '\\n${mark}=%s\\n' "$status"\n`,
    );
    const end = await vm.waitForLine(new RegExp(`^${mark}=\\d+$`), { timeoutMs: options.timeoutMs, from });
    const lines = vm.lines.slice(from, vm.lines.indexOf(end)).map(({ text }) => text);
    return { exitCode: Number(end.text.split("=")[1]), lines };
  }

  async function mustRun(command: string, options: { readonly timeoutMs: number }): Promise<readonly string[]> {
    const { exitCode, lines } = await run(command, options);
    if (exitCode === 0) return lines;
    throw new UserError(`Machine "${vm.name}": "${command}" ended with ${exitCode}; it said\n${lines.join("\n")}`, {
      hints: [`The whole console is in ${vm.logPath}`],
    });
  }

  return { run, mustRun };
}
