/** What a machine says on its serial console, as lines with the time they came. Pure. */

export interface ConsoleLine {
  /** Milliseconds since the machine was started, by the host's clock. */
  readonly atMs: number;
  /** Without control characters and colours. */
  readonly text: string;
}

// Terminal control sequences (ECMA-48: CSI, OSC and two-character escapes), then every other control character but the
// tab.
const controlSequences =
  // deno-lint-ignore no-control-regex
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0a-\x1f\x7f]/g;

/** A line as it came over the wire, made readable: getty and systemd move the cursor and use colours. */
export function cleanConsoleText(raw: string): string {
  return raw.replaceAll(controlSequences, "");
}

/** `[  12.345] text`, as in the log files of a run. */
export function formatConsoleLine(line: ConsoleLine): string {
  return `[${(line.atMs / 1000).toFixed(3).padStart(9)}] ${line.text}`;
}

/**
 * Whether a kernel says that it has failed (arch/x86/kernel/dumpstack.c, traps.c; arch/arm64/kernel/traps.c): it goes
 * on without the task that it was in, and what a machine does after that shows nothing.
 */
export function isKernelFault(text: string): boolean {
  return /^(?:\[ *\d+\.\d+\] )?(?:Oops: |Internal error: |kernel BUG at |invalid opcode: |general protection fault)/
    .test(text);
}

/** The line the demo disk prints when it has reached multi-user (image/demo/usr/lib/stiefel-demo/report). */
export interface DemoReport {
  readonly root: string;
  readonly fstype: string;
  readonly kernel: string;
}

/** @returns undefined when the line is another one */
export function parseDemoReport(text: string): DemoReport | undefined {
  const match = /stiefel-demo: root=(\S+) fstype=(\S+) kernel=(\S+)/.exec(text);
  const [, root, fstype, kernel] = match ?? [];
  if (root === undefined || fstype === undefined || kernel === undefined) return undefined;
  return { root, fstype, kernel };
}
