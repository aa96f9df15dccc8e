/** Starting a virtual machine, watching its console, and ending it: by its process id, whatever happens. */

import { encodeUtf8 } from "../formats/text.ts";
import { type ArchitectureName, usualArchitecture } from "../architecture.ts";
import { StoppedByUser, UserError } from "../errors.ts";
import { readKernelFile } from "../system/facts.ts";
import type { ExitStatus, RunningProcess, System } from "../system/system.ts";
import { cleanConsoleText, type ConsoleLine, formatConsoleLine, isKernelFault } from "./console.ts";
import { connectQmp, type Qmp } from "./qmp.ts";
import { formatQemuArguments, parseQemuVersion, type QemuHost, qemuProgram, type VmSpec } from "./vm_spec.ts";

export interface StartVmOptions {
  /** Where the logs, the control FIFOs and the cables' sockets go; absolute. */
  readonly runDirectory: string;
  /** The machine is ended after this long, and every wait with it. */
  readonly limitMs: number;
  readonly onLine?: (line: ConsoleLine) => void;
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Look only at lines from this one on (an index into `lines`). Default 0: all that came so far, too. */
  readonly from?: number;
  /** A line after which the awaited one cannot come any more: it ends the wait. */
  readonly unless?: RegExp;
}

/** A machine that was started. Disposing of it ends it and waits until it is gone. */
export interface Vm extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Every complete line of its serial console, oldest first. */
  readonly lines: readonly ConsoleLine[];
  /** The console with times; written when the machine has ended. */
  readonly logPath: string;
  /** The console as it comes, also what does not end a line; grows while the machine runs. */
  readonly rawLogPath: string;
  /** How it ended; never rejects. */
  readonly ended: Promise<VmEnd>;
  /**
   * The first line that matches.
   * @throws {UserError} when the machine ends first or the time is over; the message shows the last lines and names
   *   the
   *   log
   */
  waitForLine(pattern: RegExp, options: WaitOptions): Promise<ConsoleLine>;
  /** QEMU's control connection. @throws {UserError} before the first line of the console */
  control(): Promise<Qmp>;
  /** Plugs the cable in or out. */
  setLink(linkId: string, isUp: boolean): Promise<void>;
  /** Types on the serial console. */
  type(text: string): void;
  /** Presses the power button; the guest shuts down by itself. */
  powerDown(): Promise<void>;
  /**
   * What QEMU's process has used of the host's processors so far; undefined when it has ended, or the kernel does not
   * tell.
   */
  processorSeconds(): Promise<number | undefined>;
}

export interface VmEnd {
  /**
   * `shutdown`: the guest switched itself off; `reset`: it wanted to start anew (a panic, a reboot); `ended`: we ended
   * it; `failed`: QEMU itself.
   */
  readonly kind: "shutdown" | "reset" | "ended" | "failed";
  readonly atMs: number;
  readonly status: ExitStatus;
}

/** Starts `spec` with its console piped to us. @throws {CommandError} when there is no QEMU */
export async function startVm(
  system: System,
  spec: VmSpec,
  host: QemuHost,
  options: StartVmOptions,
): Promise<Vm> {
  if (spec.console !== "pipe") throw new TypeError("startVm reads the console; use runInteractiveVm for a terminal");
  options.signal?.throwIfAborted();
  const controlPath = `${options.runDirectory}/${spec.name}.control`;
  const logPath = `${options.runDirectory}/${spec.name}.log`;
  await system.remove(`${controlPath}.in`);
  await system.remove(`${controlPath}.out`);
  await system.run(["mkfifo", "-m", "600", `${controlPath}.in`, `${controlPath}.out`]);

  const lines: ConsoleLine[] = [];
  const watchers = new Set<(line: ConsoleLine) => void>();
  const rawLogPath = `${options.runDirectory}/${spec.name}.raw.log`;
  // Until QEMU makes it anew, a reader would find what an earlier machine of this name has asked.
  await system.remove(rawLogPath);
  let qmp: Promise<Qmp> | undefined;
  let endedByUs: string | undefined;
  const keyboard = createKeyboard();

  const startedMs = system.monotonicMs();
  const elapsedMs = (): number => system.monotonicMs() - startedMs;
  const argv = formatQemuArguments({ ...spec, controlPath, rawLogPath }, host);
  const process: RunningProcess = system.spawn([...outlivedBy(options.limitMs), ...argv], {
    // Sockets are named relative to it: their whole path may be longer than unix(7) allows.
    cwd: options.runDirectory,
    input: keyboard.typed,
    onLine: (raw, from) => {
      const line = { atMs: elapsedMs(), text: from === "stderr" ? `qemu: ${raw}` : cleanConsoleText(raw) };
      lines.push(line);
      // From the first line of the guest on, QEMU is known to have opened its ends of the FIFOs.
      if (from === "stdout") qmp ??= connectQmp(system, controlPath);
      qmp?.catch(() => {});
      options.onLine?.(line);
      if (isKernelFault(line.text)) endBecause(`its kernel has failed: ${line.text}`);
      for (const watcher of [...watchers]) watcher(line);
    },
  });

  function endBecause(reason: string): void {
    endedByUs ??= reason;
    process.kill("SIGTERM");
  }
  const noLimit = new AbortController();
  system.delay(options.limitMs, noLimit.signal).then(
    () => endBecause(`its time of ${Math.round(options.limitMs / 1000)} s was over`),
    () => {},
  );
  const onAbort = (): void => endBecause("it was stopped");
  options.signal?.addEventListener("abort", onAbort, { once: true });

  const ended = process.exited.then(async (status): Promise<VmEnd> => {
    const atMs = elapsedMs();
    noLimit.abort();
    options.signal?.removeEventListener("abort", onAbort);
    await system.writeFile(logPath, lines.map((line) => `${formatConsoleLine(line)}\n`).join("")).catch(() => {});
    const control = await qmp?.catch(() => undefined);
    const reason = control?.events.findLast((event) => event.event === "SHUTDOWN")?.data.reason;
    return { kind: endedByUs !== undefined ? "ended" : describeEnd(status, reason), atMs, status };
  });

  function failure(what: string): UserError {
    const last = lines.slice(-12).map((line) => `  ${formatConsoleLine(line)}`).join("\n");
    return new UserError(`Machine "${spec.name}": ${what}; its last lines:\n${last || "  nothing"}`, {
      hints: [`The whole console is in ${logPath}`],
    });
  }

  async function waitForLine(pattern: RegExp, { timeoutMs, from = 0, unless }: WaitOptions): Promise<ConsoleLine> {
    const found = Promise.withResolvers<ConsoleLine>();
    found.promise.catch(() => {});
    const watcher = (line: ConsoleLine): void => {
      if (pattern.test(line.text)) found.resolve(line);
      else if (unless?.test(line.text)) {
        found.reject(failure(`it cannot go on, so no line matching ${pattern} will come`));
      }
    };
    lines.slice(from).forEach(watcher);
    watchers.add(watcher);
    const noTimeout = new AbortController();
    const late = system.delay(timeoutMs, noTimeout.signal).then(() => {
      throw failure(`no line matching ${pattern} came within ${Math.round(timeoutMs / 1000)} s`);
    });
    late.catch(() => {});
    const over = ended.then((end) => {
      if (options.signal?.aborted) throw new StoppedByUser();
      throw failure(`it ended (${endedByUs ?? end.kind}) before a line matching ${pattern} came`);
    });
    over.catch(() => {});
    try {
      return await Promise.race([found.promise, late, over]);
    } finally {
      watchers.delete(watcher);
      noTimeout.abort();
    }
  }

  async function control(): Promise<Qmp> {
    if (qmp === undefined) throw failure("it cannot be controlled before its console says something");
    return await qmp;
  }

  return {
    name: spec.name,
    pid: process.pid,
    lines,
    logPath,
    rawLogPath,
    ended,
    waitForLine,
    control,
    setLink: async (linkId, isUp) => void await (await control()).execute("set_link", { name: linkId, up: isUp }),
    type: keyboard.type,
    powerDown: async () => void await (await control()).execute("system_powerdown"),
    processorSeconds: async () => await readChildSeconds(system, process.pid),
    [Symbol.asyncDispose]: async () => {
      endedByUs ??= "it was stopped";
      await process[Symbol.asyncDispose]();
      await ended;
    },
  };
}

/** What is typed, as the standard input of a program. */
function createKeyboard(): { readonly typed: ReadableStream<Uint8Array<ArrayBuffer>>; type(text: string): void } {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  // A machine that has ended reads no more; its `ended` reports that.
  return { typed: readable, type: (text) => void writer.write(encodeUtf8(text)).catch(() => {}) };
}

/**
 * Should this program be killed without a chance to end its machines, timeout(1) does it, a little after they would
 * have been anyway.
 */
function outlivedBy(limitMs: number): readonly string[] {
  return ["timeout", "--kill-after=10", String(Math.ceil(limitMs / 1000) + 30)];
}

/** User and system time of the only child of a process (timeout(1)). Runs `cat`. */
async function readChildSeconds(system: System, parent: number): Promise<number | undefined> {
  // Only with CONFIG_PROC_CHILDREN (proc_pid_task(5)).
  const child = await readKernelFile(system, `/proc/${parent}/task/${parent}/children`);
  return child === undefined || child === ""
    ? undefined
    : parseProcessSeconds(await readKernelFile(system, `/proc/${child.split(" ")[0]}/stat`) ?? "");
}

/**
 * @param stat content of /proc/PID/stat (proc_pid_stat(5)): fields 14 and 15, in ticks, of which Linux shows 100 a
 *   second everywhere
 */
export function parseProcessSeconds(stat: string): number | undefined {
  // The second field is a name in brackets that may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks / 100 : undefined;
}

/** Told by QEMU's SHUTDOWN event (ShutdownCause in qapi/run-state.json); without one only the exit status is known. */
function describeEnd(status: ExitStatus, reason: unknown): VmEnd["kind"] {
  if (reason === "guest-reset" || reason === "guest-panic" || reason === "subsystem-reset") return "reset";
  if (reason === "guest-shutdown") return "shutdown";
  if (typeof reason === "string") return "ended";
  return status.exitCode === 0 ? "shutdown" : "failed";
}

/** Runs `spec` on the user's terminal until it ends. @throws {CommandError} when there is no QEMU */
export async function runInteractiveVm(
  system: System,
  spec: VmSpec,
  host: QemuHost,
  { cwd }: { readonly cwd: string },
): Promise<ExitStatus> {
  await using process = system.spawn(formatQemuArguments({ ...spec, console: "terminal" }, host), {
    cwd,
    inheritStdio: true,
  });
  return await process.exited;
}

/** How long a machine without a disk may take until its firmware gives up; KVM needs a tenth of a second. */
const kvmTrialMs = 10_000;

/**
 * What QEMU we have and whether it can use KVM, which another architecture than the usual one is not tried with.
 * @throws {UserError} when QEMU is older than 7.2; {CommandError} when it is not installed
 */
export async function detectQemuHost(
  system: System,
  architecture: ArchitectureName = usualArchitecture,
): Promise<QemuHost> {
  const { stdout } = await system.run([qemuProgram(architecture), "--version"]);
  const version = parseQemuVersion(stdout);
  if (version === undefined || version.major < 7 || (version.major === 7 && version.minor < 2)) {
    throw new UserError(`QEMU 7.2 or later is needed, found "${stdout.split("\n")[0]}"`);
  }
  const isUsual = architecture === usualArchitecture;
  return { accelerator: isUsual && await canUseKvm(system) ? "kvm" : "tcg", version };
}

/**
 * Whether a machine runs under KVM to the end of its firmware, which finds nothing to start and resets. That /dev/kvm
 * can be opened says little: inside other virtual machines it may refuse what "-cpu host" sets, or fail at the first
 * instruction.
 */
async function canUseKvm(system: System): Promise<boolean> {
  const argv = [qemuProgram(usualArchitecture), "-no-user-config", "-nodefaults", "-display", "none", "-m", "64M"];
  argv.push("-machine", "q35,accel=kvm", "-cpu", "host", "-boot", "reboot-timeout=1", "-no-reboot");
  return await system.run(argv, { timeoutMs: kvmTrialMs }).then(() => true, () => false);
}
