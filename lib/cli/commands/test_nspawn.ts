/**
 * `test-nspawn [server|client]`: the image's two agents in containers, joined by a cable of their own. Much faster
 * than machines, for working on an agent; the client stops before kexec, which a container cannot do. Needs root.
 */

import { commandToType } from "../../command_to_type.ts";
import { containerTransport } from "../../export/needs.ts";
import { UserError } from "../../errors.ts";
import {
  AGENT_SETTINGS_PATH,
  type AgentSettings,
  formatAgentSettings,
  parseAgentSettings,
} from "../../formats/agent_settings.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import { demoDiskLayout } from "../../qemu/demo_disk_layout.ts";
import {
  agentCommand,
  type ContainerRole,
  ensureCable,
  formatNspawnArguments,
  removeNetwork,
} from "../../qemu/containers.ts";
import type { ExitStatus, System } from "../../system/system.ts";
import { offerPackages } from "../../debian/offer_packages.ts";
import type { Ui } from "../../ui.ts";
import { createInitrd } from "./create_initrd.ts";
import { type MachineOptions, machinePrograms, prepareDemoDisk } from "./prepare_machines.ts";

export interface TestNspawnOptions extends MachineOptions {
  /** Absent: both, their lines marked, until the client has fetched everything. */
  readonly role?: ContainerRole;
  /** A block device or image file to serve; absent: a copy of the demo disk. It is only read. */
  readonly disk?: string;
}

/** @throws {UserError} when not root, or an agent ends with an error */
export async function testNspawn(system: System, ui: Ui, options: TestNspawnOptions): Promise<void> {
  const { stdout: uid } = await system.run(["id", "-u"]);
  if (uid.trim() !== "0") {
    throw new UserError("Containers, their network and the disk for them can only be made by root", {
      hints: [
        `Run it as root: ${commandToType("test-nspawn", { asRoot: true })}`,
        `Or use ${commandToType("test-qemu", { arguments: "server" })}, which needs no root`,
      ],
    });
  }
  await offerPackages(system, ui, ["systemd-nspawn", "ip", "losetup", ...machinePrograms], { withArchiveKeys: true });
  const image = await createInitrd(system, ui, { ...options.image, form: "folder", startsHere: true });
  await system.makeDirectory(options.runDirectory);
  const roles: readonly ContainerRole[] = options.role === undefined ? ["server", "client"] : [options.role];
  await using cleanup = new AsyncDisposableStack();
  const disk = roles.includes("server") ? await attachDisk(system, ui, { options, cleanup }) : { devices: [] };
  for (const role of roles) cleanup.defer(() => removeNetwork(system, role));
  await ensureCable(system);
  const settingsPath = `${options.runDirectory}/agent.json`;
  await system.writeFile(settingsPath, await containerSettings(system, image.treePath, disk));
  const containers = { system, ui, options, tree: image.treePath, disk, settingsPath };
  if (options.role !== undefined) return await runOnTerminal(containers, options.role);
  await runBoth(containers);
}

interface Containers {
  readonly system: System;
  readonly ui: Ui;
  readonly options: TestNspawnOptions;
  /** The image as a folder. */
  readonly tree: string;
  readonly disk: AttachedDisk;
  /** The server's settings. */
  readonly settingsPath: string;
}

interface AttachedDisk {
  /** The disk to serve first, then its partitions. */
  readonly devices: readonly string[];
  /** The boot partition, where the server cannot find it by itself. */
  readonly part?: NonNullable<AgentSettings["boot"]["part"]>;
}

/**
 * Those of the image, but for the way that the blocks take: a container loads no kernel modules, and so raises no
 * tunnel.
 */
async function containerSettings(system: System, tree: string, { part }: AttachedDisk): Promise<string> {
  const settings = parseAgentSettings(await system.readText(`${tree}${AGENT_SETTINGS_PATH}`));
  const boot = part === undefined ? settings.boot : { ...settings.boot, part };
  return formatAgentSettings({ ...settings, boot, security: "none", transport: containerTransport });
}

function nspawnArguments(
  { tree, disk, settingsPath }: Containers,
  role: ContainerRole,
  isInteractive: boolean,
): readonly string[] {
  const devices = role === "server" ? disk.devices : [];
  return formatNspawnArguments({
    role,
    tree,
    devices,
    ...role === "server" ? { settingsPath } : {},
    command: agentCommand(role, devices[0]),
    isInteractive,
  });
}

async function runOnTerminal(containers: Containers, role: ContainerRole): Promise<void> {
  containers.ui.say("Ctrl-] three times within a second ends the container");
  const argv = nspawnArguments(containers, role, true);
  await using container = containers.system.spawn(argv, { inheritStdio: true });
  demandGoodEnd(role, await container.exited);
}

/** With what a container can do at once, minutes mean that it does not work. */
const limitMs = 5 * 60_000;

/** Until the client is done; the server is ended then. */
async function runBoth(containers: Containers): Promise<void> {
  const { system, ui, options } = containers;
  const start = (role: ContainerRole): ReturnType<System["spawn"]> =>
    system.spawn(nspawnArguments(containers, role, false), { onLine: (line) => ui.say(`${role}: ${line}`) });
  await using server = start("server");
  await using client = start("client");
  const ended = await Promise.race([
    client.exited.then((status) => ({ role: "client" as const, status })),
    server.exited.then((status) => ({ role: "server" as const, status })),
    system.delay(limitMs, options.signal).then(() => undefined),
  ]);
  options.signal?.throwIfAborted();
  if (ended === undefined) {
    throw new UserError(`The client has not fetched everything within ${limitMs / 1000} s`, {
      hints: ["The output of both is above; with a role, each runs on a terminal of its own until you end it"],
    });
  }
  demandGoodEnd(ended.role, ended.status);
  ui.result(
    ended.role === "client" ? "The client has fetched everything and stopped before kexec" : "The server has ended",
  );
}

function demandGoodEnd(role: ContainerRole, status: ExitStatus): void {
  if (status.exitCode !== 0) {
    throw new UserError(`The ${role}'s container ended with ${status.signal ?? `status ${status.exitCode}`}`);
  }
}

interface DiskRequest {
  readonly options: TestNspawnOptions;
  readonly cleanup: AsyncDisposableStack;
}

/**
 * @returns the block device to serve and its partitions: always a named one, so that the server never looks at the
 *   disks of this
 *   machine
 */
async function attachDisk(system: System, ui: Ui, { options, cleanup }: DiskRequest): Promise<AttachedDisk> {
  if (options.disk !== undefined && (await system.stat(options.disk))?.kind === "block") {
    return { devices: await listDevices(system, options.disk) };
  }
  let imagePath = options.disk;
  if (imagePath === undefined) {
    imagePath = `${options.runDirectory}/container-disk.img`;
    await copyDemoDisk(system, await prepareDemoDisk(system, ui, options), imagePath);
    const copy = imagePath;
    cleanup.defer(() => system.remove(copy));
  }
  const loop = async (options: readonly string[]): Promise<string> => {
    const { stdout } = await system.run(["losetup", "--find", "--show", ...options, imagePath]);
    const device = stdout.trim();
    cleanup.defer(async () => void await system.run(["losetup", "--detach", device], { isCleanup: true }));
    return device;
  };
  const device = await loop(["--partscan"]);
  const devices = await listDevices(system, device);
  if (devices.length > 1) return { devices };
  if (options.disk !== undefined) {
    ui.warn("This kernel shows no partitions of loop devices: what boots from the disk may not be found");
    return { devices };
  }
  const { offsetBytes, sizeBytes } = demoDiskLayout.boot;
  const boot = await loop(["--read-only", `--offset=${offsetBytes}`, `--sizelimit=${sizeBytes}`]);
  return { devices: [device, boot], part: { type: "plain", block: boot } };
}

/** A disk and its partitions. */
async function listDevices(system: System, disk: string): Promise<readonly string[]> {
  const { stdout } = await system.run(["lsblk", "--noheadings", "--list", "--paths", "--output", "NAME", disk]);
  return stdout.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}
