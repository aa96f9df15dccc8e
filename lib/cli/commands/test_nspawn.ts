/**
 * `test-nspawn [server|client]`: the image's two agents in containers, joined by a cable of their own. Much faster than machines, for
 * working on an agent; the client stops before kexec, which a container cannot do. Needs root.
 */

import { StoppedByUser, UserError } from "../../errors.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import {
  agentCommand,
  type ContainerRole,
  ensureCable,
  formatNspawnArguments,
  removeNetwork,
} from "../../qemu/containers.ts";
import type { ExitStatus, System } from "../../system/system.ts";
import { offerPackages } from "../packages.ts";
import type { Ui } from "../ui.ts";
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
      hints: ["Run the same command with sudo, or use test-qemu, which needs no root"],
    });
  }
  await offerPackages(system, ui, ["systemd-nspawn", "ip", "losetup", ...machinePrograms], { withArchiveKeys: true });
  const image = await createInitrd(system, ui, { ...options.image, form: "folder" });
  await system.makeDirectory(options.runDirectory);
  const roles: readonly ContainerRole[] = options.role === undefined ? ["server", "client"] : [options.role];
  await using cleanup = new AsyncDisposableStack();
  const device = roles.includes("server") ? await attachDisk(system, ui, { options, cleanup }) : undefined;
  for (const role of roles) cleanup.defer(() => removeNetwork(system, role));
  await ensureCable(system);
  const containers = { system, ui, options, tree: image.treePath, ...(device === undefined ? {} : { device }) };
  if (options.role !== undefined) return await runOnTerminal(containers, options.role);
  await runBoth(containers);
}

interface Containers {
  readonly system: System;
  readonly ui: Ui;
  readonly options: TestNspawnOptions;
  /** The image as a folder. */
  readonly tree: string;
  readonly device?: string;
}

async function runOnTerminal({ system, ui, tree, device }: Containers, role: ContainerRole): Promise<void> {
  ui.say("Ctrl-] three times within a second ends the container");
  const argv = formatNspawnArguments({ role, tree, device, command: agentCommand(role, device), isInteractive: true });
  await using container = system.spawn(argv, { inheritStdio: true });
  demandGoodEnd(role, await container.exited);
}

/** Until the client is done; the server is ended then. */
async function runBoth({ system, ui, options, tree, device }: Containers): Promise<void> {
  const start = (role: ContainerRole): ReturnType<System["spawn"]> =>
    system.spawn(
      formatNspawnArguments({ role, tree, device, command: agentCommand(role, device), isInteractive: false }),
      { onLine: (line) => ui.say(`${role}: ${line}`) },
    );
  await using server = start("server");
  await using client = start("client");
  const ended = await Promise.race([
    client.exited.then((status) => ({ role: "client" as const, status })),
    server.exited.then((status) => ({ role: "server" as const, status })),
    stopped(options.signal),
  ]);
  if (ended === undefined) throw new StoppedByUser();
  demandGoodEnd(ended.role, ended.status);
  ui.result(
    ended.role === "client" ? "The client has fetched everything and stopped before kexec" : "The server has ended",
  );
}

function stopped(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve(undefined);
    signal?.addEventListener("abort", () => resolve(undefined), { once: true });
  });
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

/** @returns the block device to serve; undefined when this kernel shows no partitions of an image file */
async function attachDisk(system: System, ui: Ui, { options, cleanup }: DiskRequest): Promise<string | undefined> {
  if (options.disk !== undefined && (await system.stat(options.disk))?.kind === "block") return options.disk;
  let imagePath = options.disk;
  if (imagePath === undefined) {
    imagePath = `${options.runDirectory}/disk.img`;
    await copyDemoDisk(system, await prepareDemoDisk(system, ui, options), imagePath);
    const copy = imagePath;
    cleanup.defer(() => system.remove(copy));
  }
  const { stdout } = await system.run(["losetup", "--find", "--show", "--partscan", imagePath]);
  const device = stdout.trim();
  cleanup.defer(async () => void await system.run(["losetup", "--detach", device]));
  if (await system.stat(`${device}p1`) !== undefined) return device;
  ui.warn("This kernel shows no partitions of loop devices: the server has no disk to serve and says so to the client");
  return undefined;
}
