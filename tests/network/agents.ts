/** Starts the agents on machines of a rig, with the grants they have in the image. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Buffer } from "node:buffer";
import { RUN_NBDKIT_PATH } from "../../lib/export/nbd/needs.ts";
import { agentGrants, formatGrants } from "../../lib/grants.ts";
import { formatAgentSettings } from "../../lib/formats/agent_settings.ts";
import type { Security } from "../../lib/formats/security.ts";
import { laptopKeysFolder } from "../../lib/laptop_keys.ts";
import { parseSession } from "../../lib/protocol/session.ts";
import type { Machine, Rig, RunningAgent } from "./rig.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A program of the image that this machine does not have. */
export const runNbdkitSource = `${root}image/initrd${RUN_NBDKIT_PATH}`;

export interface Site {
  readonly keyPath: string;
  readonly otherKeyPath: string;
  /** What the boot entry holds. */
  readonly kernel: Uint8Array;
  readonly initramfs: Uint8Array;
  readonly commandLine: string;
  readonly diskPath: string;
  readonly bootPath: string;
}

/** Keys, a boot directory and a disk. */
export async function createSite(
  rig: Rig,
  options: {
    readonly kernelBytes?: number;
    /** In place of random bytes. */
    readonly kernel?: Uint8Array<ArrayBuffer>;
    readonly initramfsBytes?: number;
  } = {},
): Promise<Site> {
  const directory = rig.directory;
  const kernel = options.kernel ?? randomBytes(options.kernelBytes ?? 3_000_001);
  const first = randomBytes(1_001);
  const second = randomBytes(options.initramfsBytes ?? 5_000_003);
  const bootPath = `${directory}/boot`;
  const site = {
    keyPath: `${directory}/aes-key`,
    otherKeyPath: `${directory}/other-key`,
    bootPath,
    diskPath: `${directory}/disk.img`,
    kernel,
    initramfs: Buffer.concat([padded(first), padded(second)]),
    commandLine: 'root=UUID=1234 quiet x="a b" resume=/dev/sda3',
  };
  await Deno.mkdir(bootPath);
  for (const [path, content] of [["vmlinuz", kernel], ["microcode.img", first], ["initrd.img", second]] as const) {
    await Deno.writeFile(`${bootPath}/${path}`, content);
  }
  const entry = { kernel: "vmlinuz", initrd: ["microcode.img", "initrd.img"], cmdline: site.commandLine, tunnel: true };
  await Deno.writeTextFile(`${bootPath}/stiefelsystem.json`, JSON.stringify(entry));
  await Deno.writeFile(site.keyPath, randomBytes(32), { mode: 0o600 });
  await Deno.writeFile(site.otherKeyPath, randomBytes(32), { mode: 0o600 });
  await Deno.writeFile(site.diskPath, randomBytes(1024 * 1024));
  return site;
}

export interface AgentStart {
  readonly site: Site;
  readonly keyPath?: string;
  readonly passphrase?: string;
  readonly args?: readonly string[];
  readonly security?: Security;
  /** How to run it, for programs that are replaced. */
  readonly wrap?: (argv: readonly string[]) => readonly string[];
}

export function startServer(machine: Machine, start: AgentStart): RunningAgent {
  const { wrap = (argv) => argv } = start;
  return machine.start(wrap(serverCommand(machine, start)));
}

/** The command line of a server, for tests that run it in another way. */
export function serverCommand(machine: Machine, start: AgentStart): readonly string[] {
  const { site } = start;
  return [
    ...denoRun("server", [
      machine.directory,
      site.bootPath,
      site.diskPath,
      site.keyPath,
      site.otherKeyPath,
    ]),
    `${root}tests/network/server_entry.ts`,
    site.bootPath,
    site.diskPath,
    start.passphrase ?? "-",
    ...["--handover-dir", `${machine.directory}/handover`],
    ...commonArguments(machine, start),
  ];
}

/** The server agent as it is in the image, with the disk that the machine's `lsblk` shows. */
export function startRealServer(machine: Machine, start: AgentStart): RunningAgent {
  const { site, wrap = (argv) => argv } = start;
  return machine.start(wrap([
    ...denoRun("server", [machine.directory, site.diskPath, site.keyPath]),
    `${root}tests/network/server_entry.ts`,
    ...["-", site.diskPath, "-"],
    ...commonArguments(machine, start),
  ]));
}

export function startClient(machine: Machine, start: AgentStart): RunningAgent {
  return machine.start(clientCommand(machine, start));
}

/**
 * Attaches the disk that a client of this machine was lent, in place of the desktop's kernel: a connection that stays
 * open, with a read every 0.1 s. What it did is printed when it ends.
 */
export async function attachDisk(desktop: Machine, { reads }: { readonly reads: number }): Promise<RunningAgent> {
  const initramfs = new TextDecoder("latin1").decode(await Deno.readFile(`${desktop.directory}/run/initramfs`));
  const text = /STIEFEL_VERSION=2\n(?:STIEFEL_\w+=[^\n]*\n)+/.exec(initramfs)?.[0];
  assert.ok(text, "no session file in the initramfs");
  const { link, disk } = parseSession(text);
  assert.ok(disk.transport === "nbd");
  await desktop.run(["ip", "-6", "address", "add", link.address, "dev", "eth0", "nodad"]);
  const image = `nbd://[${disk.address}]:${disk.port}/${disk.exportName}`;
  const commands = Array.from({ length: reads }, () => ["-c", "read 0 4k", "-c", "sleep 100"]).flat();
  return desktop.start(["qemu-io", "-f", "raw", ...commands, image]);
}

/** The machines of a rig are none of their own to the firmware, which would call all of them one. */
const withoutFirmware = [
  "sh",
  "-c",
  '[ ! -d /sys/class/dmi/id ] || mount -t tmpfs tmpfs /sys/class/dmi/id || exit 1; exec "$@"',
  "sh",
];

/** The command line of a client, for tests that run it in another way. */
export function clientCommand(machine: Machine, start: AgentStart): readonly string[] {
  const { site } = start;
  return [
    ...withoutFirmware,
    ...denoRun("client", [machine.directory, ...keyPlaces(site)]),
    `${root}agents/client/main.ts`,
    "--no-kexec",
    ...commonArguments(machine, start),
  ];
}

/** Keys that a client may read: one of its own, and the folders of other laptops' beside them. */
function keyPlaces({ keyPath, otherKeyPath }: Site): readonly string[] {
  return [keyPath, otherKeyPath].flatMap((path) => [path, laptopKeysFolder(path)]);
}

/** The stick has the key of this laptop, too. */
export async function addLaptopKey(site: Site, name: string, keyPath: string): Promise<void> {
  const folder = laptopKeysFolder(site.keyPath);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.writeFile(`${folder}/${name}`, await Deno.readFile(keyPath), { mode: 0o600 });
}

/** And has it no more. */
export async function forgetLaptopKey(site: Site, name: string): Promise<void> {
  await Deno.remove(`${laptopKeysFolder(site.keyPath)}/${name}`);
}

/** A client on the desktop's own Linux: it loads, and asks for a shutdown. Its programs are to be replaced. */
export function startClientFromLinux(
  machine: Machine,
  { wrap = (argv) => argv, ...start }: AgentStart & { readonly isAgreed: boolean },
): RunningAgent {
  const { site } = start;
  // There where systemd runs.
  const booted = ["sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec "$@"', "sh"];
  return machine.start(wrap([
    ...withoutFirmware,
    ...booted,
    ...denoRun("client", [machine.directory, ...keyPlaces(site), "/run/systemd/system", "/run/stiefelsystem"]),
    `${root}agents/client/main.ts`,
    "--from-running-system",
    ...start.isAgreed ? ["--yes"] : [],
    ...commonArguments(machine, start),
  ]));
}

function commonArguments(machine: Machine, { site, keyPath, args, security }: AgentStart): readonly string[] {
  const settingsPath = `${machine.directory}/agent.json`;
  Deno.writeTextFileSync(
    settingsPath,
    formatAgentSettings({
      version: 1,
      boot: {},
      onEnd: "wait",
      name: machine.name,
      // Without WireGuard, which not every machine's kernel has: tests of the tunnel bring their own.
      security: security ?? "none",
    }),
  );
  const workDirectory = `${machine.directory}/run`;
  return ["--key", keyPath ?? site.keyPath, "--settings", settingsPath, "--work-dir", workDirectory, ...args ?? []];
}

/** The grants of the image, with the directories of the test instead of those of the image. */
function denoRun(role: "server" | "client", read: readonly string[]): readonly string[] {
  const directory = read[0] ?? "";
  const run = agentGrants[role].run.map((program) => program === RUN_NBDKIT_PATH ? runNbdkitSource : program);
  // nbdkit itself: server_entry.ts asks it what it can do
  const own = agentGrants[role].read;
  const programs = own === "all" ? [] : own.filter((path) => !/^\/(?:etc|run)\//.test(path));
  const grants = { ...agentGrants[role], run: [...run, "nbdkit"], read: [...read, ...programs], write: [directory] };
  return [Deno.execPath(), "run", "--quiet", ...formatGrants(grants)];
}

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65536) crypto.getRandomValues(bytes.subarray(start, start + 65536));
  return bytes;
}

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  result.set(bytes);
  return result;
}
