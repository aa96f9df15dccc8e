/** Desktops that try a laptop's system: machines, what they show, and what is on the laptop's disk meanwhile. */

import assert from "node:assert/strict";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { desktopSpec, laptopSpec, type PairSettings } from "../../lib/qemu/machine_pair.ts";
import type { System } from "../../lib/system/system.ts";
import type { VmLink, VmSpec } from "../../lib/qemu/vm_spec.ts";
import type { Vm } from "../../lib/qemu/run_vm.ts";
import { type ConsoleShell, openConsoleShell } from "../support/console_shell.ts";
import { partOf, waitForAttachedDisk } from "./attached_disk.ts";

const startMs = 420_000;

function link(number: number, end: VmLink["end"]): VmLink {
  const mac = `52:54:00:5a:1e:${end === "listening" ? "a" : "b"}${number}`;
  return { id: `cable${number}`, mac, socketPath: `cable${number}.sock`, end };
}

/** A laptop with a cable to each of its desktops, which stays a server when they have gone. */
export function laptopWithCables(settings: PairSettings, count: number): VmSpec {
  const links = Array.from({ length: count }, (_, index) => link(index + 1, "listening"));
  return { ...laptopSpec(settings, ["stiefel.on_end=wait"]), links };
}

/** @param number of its cable */
export function guestSpec(
  settings: PairSettings,
  { number, mode, credentials = {} }: {
    readonly number: number;
    readonly mode: "write" | "try";
    readonly credentials?: Readonly<Record<string, string>>;
  },
): VmSpec {
  return {
    ...inMode(desktopSpec(settings, credentials), mode),
    name: `desktop${number}`,
    links: [link(number, "connecting")],
  };
}

/** The same desktop, with the kernel parameter for try mode. */
export function inTryMode(spec: VmSpec): VmSpec {
  return inMode(spec, "try");
}

function inMode(spec: VmSpec, mode: "write" | "try"): VmSpec {
  if (spec.boot.kind !== "kernel") throw new TypeError("A desktop is started by its kernel here");
  return { ...spec, boot: { ...spec.boot, commandLine: `${spec.boot.commandLine} stiefel.mode=${mode}` } };
}

/** Its shell, when it is up and shows what it is. @param rootOn what findmnt(8) calls its root; default: the demo's */
export async function workAsGuest(
  system: System,
  desktop: Vm,
  rootOn: (disk: string) => string = (disk) => partOf(disk, 2),
): Promise<ConsoleShell> {
  await desktop.waitForLine(/TRY MODE: all that is changed here is thrown away/, { timeoutMs: startMs });
  const root = rootOn(await waitForAttachedDisk(desktop, startMs));
  await desktop.waitForLine(new RegExp(`stiefel-demo: root=${RegExp.escape(root)} `), { timeoutMs: startMs });
  return await openConsoleShell(system, desktop, { timeoutMs: 90_000 });
}

const short = { timeoutMs: 120_000 } as const;

export interface GuestIdentity {
  readonly hostName: string;
  readonly machineId: string;
}

/** What no two machines may share. */
export async function readIdentity(shell: ConsoleShell): Promise<GuestIdentity> {
  const lines = await shell.mustRun(
    'echo "identity $(hostname) $(hostnamectl hostname) $(cat /etc/machine-id) $(busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetId)"',
    short,
  );
  const [, hostName, shown, machineId] = lines.find((line) => line.startsWith("identity "))?.split(" ") ?? [];
  assert.ok(hostName !== undefined && machineId !== undefined, lines.join("\n"));
  assert.equal(shown, hostName);
  assert.match(machineId, /^[0-9a-f]{32}$/);
  return { hostName, machineId };
}

/** The marks of a guest, where people look. */
export async function assertIsMarked(shell: ConsoleShell): Promise<void> {
  await shell.mustRun("grep -q 'TRY MODE: all that is changed' /run/motd.d/* && dmesg | grep -q 'TRY MODE'", short);
  await shell.mustRun("grep -q 'TRY MODE' /run/issue.d/*", short);
}

/** What the laptop answers to its desktop. */
export async function askLaptop(shell: ConsoleShell, path: string): Promise<string> {
  const lines = await shell.mustRun(
    `. /run/stiefelsystem/session.state; bash -c 'exec 3<>"/dev/tcp/$0/4645"; printf "GET $1 HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3' "$STIEFEL_STATUS_ADDRESS" ${path}`,
    short,
  );
  // What comes last is a line; messages of the kernel may come behind it.
  return lines.findLast((line) => /^(?:store |\{)/.test(line)) ?? lines.join("\n");
}

/** Writes to the file system's journal and not to its place: it has to be recovered (debugfs(8), journal_write). */
export async function soilJournal(system: System, imagePath: string): Promise<void> {
  const place = `${imagePath}?offset=${demoDiskLayout.root.offsetBytes}`;
  const found = await system.run(["debugfs", "-R", "ffb 1", place]);
  const free = /found: (\d+)/.exec(found.stdout)?.[1];
  assert.ok(free !== undefined, "no free block");
  const commands = `jo\njw -b ${free} /dev/zero\njc\n`;
  await system.run(["debugfs", "-w", "-f", "-", place], { stdin: commands });
  const { stdout } = await system.run(["debugfs", "-R", "stats -h", place]);
  assert.match(stdout, /^Filesystem features:.*\bneeds_recovery\b/m);
}
