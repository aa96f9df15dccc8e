/**
 * The autokexec agent on a machine of a rig, with its real grants. What would end this machine, or tell its users, is replaced: in the agent's
 * own mount namespace stand-ins that write down their arguments lie over /usr/local/sbin, which comes first in every program's PATH.
 */
import { autokexecGrants, formatGrants } from "../../lib/image/agent_grants.ts";
import { formatAutokexecSettings } from "../../lib/protocol/autokexec_settings.ts";
import type { Machine, RunningAgent } from "./rig.ts";

const root = new URL("../../", import.meta.url).pathname;

/** `$D` is the directory of what they remember. */
const standIns: Readonly<Record<string, string>> = {
  cat: `case $1 in
/sys/kernel/kexec_loaded) if [ -e "$D/no-kexec" ]; then exit 1; fi; if [ -e "$D/loaded" ]; then echo 1; else echo 0; fi ;;
/proc/sys/kernel/kexec_load_disabled) echo 0 ;;
/sys/kernel/security/lockdown) exit 1 ;;
*) exec /usr/bin/cat "$@" ;;
esac`,
  kexec: `echo "kexec $*" >> "$D/log"
case $1 in
--load) touch "$D/loaded" ;;
--unload) rm -f "$D/loaded" ;;
esac`,
  systemctl: 'echo "systemctl $*" >> "$D/log"',
  wall: 'echo "wall $*" >> "$D/log"',
  loginctl: `echo "      2 1000 ada        seat0 tty2"`,
  runuser: `echo "runuser $*" >> "$D/log"
case $* in
*--action=*) if [ -e "$D/press-cancel" ]; then echo cancel; else exec sleep 600; fi ;;
esac`,
};

export interface Laptop {
  readonly agent: RunningAgent & {
    /** VmRSS of proc_pid_status(5). */
    readMemoryKiB(): Promise<number>;
  };
  /** What the stand-ins were called with, in order. */
  readLog(): Promise<readonly string[]>;
  /** Waits for a line of it. @throws when it does not come within 20 s */
  waitForLog(pattern: RegExp): Promise<void>;
}

export interface LaptopOptions {
  readonly keyPath: string;
  readonly countdownSeconds: number;
  readonly macs?: readonly string[];
  /** Files that are there before the agent starts: "no-kexec", "press-cancel". */
  readonly flags?: readonly string[];
}

export async function startLaptop(machine: Machine, options: LaptopOptions): Promise<Laptop> {
  const directory = machine.directory;
  const programs = `${directory}/sbin`;
  await Deno.remove(`${directory}/log`).catch(() => {});
  await Deno.mkdir(programs, { recursive: true });
  for (const [name, body] of Object.entries(standIns)) {
    await Deno.writeTextFile(`${programs}/${name}`, `#!/bin/sh\nD=${directory}\n${body}\n`, { mode: 0o755 });
  }
  for (const flag of options.flags ?? []) await Deno.writeTextFile(`${directory}/${flag}`, "");
  for (const name of ["kernel", "initrd"]) await Deno.writeTextFile(`${directory}/${name}`, name);
  const settings = `${directory}/autokexec.json`;
  await Deno.writeTextFile(
    settings,
    formatAutokexecSettings({
      version: 1,
      listens: true,
      name: machine.name,
      macs: [...options.macs ?? []],
      kernel: `${directory}/kernel`,
      initrd: `${directory}/initrd`,
      commandLine: "stiefel.role=server",
      countdownSeconds: options.countdownSeconds,
    }),
  );
  const grants = { ...autokexecGrants, read: [...autokexecGrants.read, directory, options.keyPath] };
  const agent = machine.start([
    ...["sh", "-c", 'mount --bind "$0" /usr/local/sbin && exec "$@"', programs],
    ...[
      Deno.execPath(),
      "run",
      "--quiet",
      "--v8-flags=--jitless",
      ...formatGrants(grants),
      `${root}agents/autokexec/main.ts`,
    ],
    ...["--key", options.keyPath, "--settings", settings],
  ]);
  const readLog = async (): Promise<readonly string[]> => {
    const text = await Deno.readTextFile(`${directory}/log`).catch(() => "");
    return text.split("\n").filter((line) => line !== "");
  };
  return {
    agent: {
      ...agent,
      readMemoryKiB: async () =>
        Number(/^VmRSS:\s+(\d+) kB$/m.exec(await machine.run(["cat", `/proc/${agent.pid}/status`]))?.[1]),
    },
    readLog,
    waitForLog: async (pattern) => {
      const deadline = Date.now() + 20_000;
      for await (const _ of changes(directory, deadline)) {
        if ((await readLog()).some((line) => pattern.test(line))) return;
      }
      throw new Error(`Not in the log in time: ${pattern}\n${(await readLog()).join("\n")}`);
    },
  };
}

/** Once now, and after each change in a directory, until the deadline. */
async function* changes(directory: string, deadlineMs: number): AsyncGenerator<void> {
  using watcher = Deno.watchFs(directory);
  const timer = setTimeout(() => watcher.close(), deadlineMs - Date.now());
  try {
    yield;
    for await (const _ of watcher) yield;
  } finally {
    clearTimeout(timer);
  }
}
