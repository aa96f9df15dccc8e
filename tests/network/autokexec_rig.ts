/**
 * The autokexec agent on a machine of a rig, bundled and with its real grants; what would end this machine, or tell
 * its users, is replaced.
 */
import { fileURLToPath } from "node:url";
import { autokexecGrants, formatGrants } from "../../lib/grants.ts";
import { formatAutokexecSettings } from "../../lib/formats/autokexec_settings.ts";
import type { Machine, RunningAgent } from "./rig.ts";
import { layStandIns, type StandIns } from "./stand_ins.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const standIns: Readonly<Record<string, string>> = {
  cat: `case $1 in
/sys/kernel/kexec_loaded) if [ -e "$D/no-kexec" ]; then exit 1; fi; if [ -e "$D/loaded" ]; then echo 1; else echo 0; fi ;;
/proc/sys/kernel/kexec_load_disabled) echo 0 ;;
/proc/uptime) if [ -e "$D/slept" ]; then echo "9000.00 9000.00"; else echo "5000.00 5000.00"; fi ;;
/sys/kernel/security/lockdown) exit 1 ;;
/boot/stiefelsystem.json | /proc/cmdline) exec /usr/bin/cat "$D/own$1" ;;
/sys/class/net/eth*/device/uevent) if [ -e "$D/wired-cards" ]; then echo DRIVER=e1000e; else exit 1; fi ;;
*) exec /usr/bin/cat "$@" ;;
esac`,
  kexec: `echo "kexec $*" >> "$D/log"
case $1 in
--load)
    touch "$D/loaded"
    for word; do case $word in --initrd=*) cp "\${word#--initrd=}" "$D/loaded-initrd" ;; esac; done ;;
--unload) rm -f "$D/loaded" ;;
esac`,
  busctl: 'if [ -e "$D/hang-late" ] && [ -e "$D/loaded" ]; then exec sleep 600; fi; exit 1',
  stat: 'case $* in /run/user/*) ;; *--file-system*) echo tmpfs ;; *) exec /usr/bin/stat "$@" ;; esac',
  lsblk: 'exec /usr/bin/cat "$D/lsblk.json"',
  systemctl: `if [ "$1" != is-system-running ]; then echo "systemctl $*" >> "$D/log"
elif grep -q "systemctl kexec" "$D/log"; then echo stopping; else echo running; fi`,
  // one write for each line: they run at the same time
  wall: 'line=$(echo "wall $*" | tr "\\n" " "); echo "$line" >> "$D/log"',
  loginctl: `echo "      2 1000 ada        seat0 tty2"`,
  runuser: `line=$(echo "runuser $*" | tr "\\n" " "); echo "$line" >> "$D/log"
case $* in
*--action=*) if [ -e "$D/press-cancel" ]; then echo cancel; else exec sleep 600; fi ;;
esac`,
};

export interface Laptop extends Pick<StandIns, "readLog" | "waitForLog"> {
  readonly agent: RunningAgent & {
    /** VmRSS of proc_pid_status(5). */
    readMemoryKiB(): Promise<number>;
    /**
     * How often its threads, and those of the programs it keeps running, have woken up since they started
     * (proc_pid_status(5)).
     */
    countWakeUps(): Promise<number>;
  };
}

export interface LaptopOptions {
  readonly keyPath: string;
  readonly countdownSeconds: number;
  readonly macs?: readonly string[];
  /**
   * Files that are there before the agent starts: "no-kexec", "press-cancel", "hang-late": between countdown and
   * shutdown, "wired-cards": the rig's virtual links pass for cards. What it may hand over lies there, too:
   * "lsblk.json", "own/boot/stiefelsystem.json", "own/proc/cmdline"; without the first it hands over nothing.
   */
  readonly flags?: readonly string[];
}

export async function startLaptop(machine: Machine, options: LaptopOptions): Promise<Laptop> {
  const directory = machine.directory;
  const laid = await layStandIns(directory, standIns);
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
  const joinDirectory = `${directory}/join`;
  await Deno.mkdir(joinDirectory, { recursive: true });
  const script = `${directory}/autokexec-agent.js`;
  await bundle(script);
  const grants = {
    ...autokexecGrants,
    read: [...autokexecGrants.read, directory, options.keyPath],
    write: [joinDirectory],
  };
  const agent = machine.start(laid.wrap([
    ...[Deno.execPath(), "run", "--quiet", "--no-config", "--no-remote", "--no-npm", "--no-lock", "--no-code-cache"],
    ...["--v8-flags=--jitless", ...formatGrants(grants), script, "--key", options.keyPath, "--settings", settings],
    ...["--join-dir", joinDirectory],
  ]));
  const readMemoryKiB = async (): Promise<number> =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(await machine.run(["cat", `/proc/${agent.pid}/status`]))?.[1]);
  const countWakeUps = async (): Promise<number> => {
    // not run on the machine, where it would be listed itself
    const { stdout } = await new Deno.Command("ip", { args: ["netns", "pids", machine.namespace] }).output();
    const counts = await Promise.all(new TextDecoder().decode(stdout).trim().split("\n").map(readWakeUps));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  return { agent: { ...agent, readMemoryKiB, countWakeUps }, readLog: laid.readLog, waitForLog: laid.waitForLog };
}

async function bundle(script: string): Promise<void> {
  const args = ["bundle", "--quiet", "--platform=deno", `--output=${script}`, `${root}agents/autokexec/main.ts`];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  if (!success) throw new Error(`The agent cannot be bundled: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Of all threads of a process; what has ended meanwhile counts for nothing. By grep: Deno reads nothing below /proc.
 */
async function readWakeUps(pid: string): Promise<number> {
  const args = ["-rhs", "--include=status", "^voluntary_ctxt_switches:", `/proc/${pid}/task`];
  const { stdout } = await new Deno.Command("grep", { args, stderr: "null" }).output();
  const counts = new TextDecoder().decode(stdout).matchAll(/\t(\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
