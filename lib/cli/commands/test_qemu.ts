/** `test-qemu server|client`: the laptop and the desktop as virtual machines in two terminals, to be used by hand. */

import { UserError } from "../../errors.ts";
import { copyDemoDisk } from "../../qemu/demo_disk.ts";
import { demoDiskPassword } from "../../qemu/demo_disk_recipe.ts";
import { cablePath, desktopSpec, laptopSpec } from "../../qemu/machine_pair.ts";
import { runInteractiveVm } from "../../qemu/run_vm.ts";
import { needsListenerFirst } from "../../qemu/vm_spec.ts";
import type { System } from "../../system/system.ts";
import { showStep, type Ui } from "../../ui.ts";
import { defaultMemoryMiB, type MachineOptions, type Machines, prepareMachines } from "./prepare_machines.ts";

export interface TestQemuOptions extends MachineOptions {
  readonly role: "server" | "client";
  /** Start with a fresh copy of the demo disk instead of the one the last server has left. */
  readonly fresh?: boolean;
  /** Kernel parameters for the image, beyond the role. */
  readonly parameters?: readonly string[];
}

/** A user needs a while for the second terminal; the command does not wait for ever. */
const waitForServerMs = 10 * 60_000;

/** @throws {UserError} when QEMU fails, or no server is there for the client */
export async function testQemu(system: System, ui: Ui, options: TestQemuOptions): Promise<void> {
  if (!ui.isTerminal) ui.warn("This command is made for a terminal: the machine's console is read from standard input");
  const machines = await prepareMachines(system, ui, options);
  const settings = {
    image: machines.image,
    diskPath: `${options.runDirectory}/disk.img`,
    serverMemoryMiB: options.serverMemoryMiB ?? defaultMemoryMiB,
    clientMemoryMiB: options.clientMemoryMiB ?? defaultMemoryMiB,
    console: "terminal",
  } as const;
  ui.say("Keys: Ctrl-A x ends the machine, Ctrl-A c is QEMU's monitor and back");
  ui.say(`The installed system's login: root, password ${demoDiskPassword}`);
  if (options.role === "server") {
    await prepareDisk(system, ui, { ...options, machines, diskPath: settings.diskPath });
    await system.remove(cablePath(options.runDirectory));
  } else await waitForCable(system, ui, { ...options, machines });
  const spec = options.role === "server" ? laptopSpec(settings, options.parameters) : desktopSpec(settings);
  const status = await runInteractiveVm(system, spec, machines.host, { cwd: options.runDirectory });
  // The cable's socket stays behind when QEMU is ended; the next client must not take it for a running server.
  if (options.role === "server") await system.remove(cablePath(options.runDirectory));
  if (status.exitCode !== 0) throw new UserError(`QEMU ended with ${status.signal ?? `status ${status.exitCode}`}`);
}

/** The disk lives on between runs, as a laptop's does; a newer demo disk replaces it. */
async function prepareDisk(
  system: System,
  ui: Ui,
  { machines, diskPath, fresh }: TestQemuOptions & { readonly machines: Machines; readonly diskPath: string },
): Promise<void> {
  const sourcePath = `${diskPath}.source`;
  const source = await system.stat(sourcePath) === undefined ? undefined : await system.readText(sourcePath);
  if (!fresh && source === machines.disk.imagePath && await system.stat(diskPath) !== undefined) {
    ui.say(`The laptop's disk is "${diskPath}", as the last run left it`);
    return;
  }
  await copyDemoDisk(system, machines.disk, diskPath);
  await system.writeFile(sourcePath, machines.disk.imagePath);
}

async function waitForCable(
  system: System,
  ui: Ui,
  { machines, runDirectory, signal }: TestQemuOptions & { readonly machines: Machines },
): Promise<void> {
  if (!needsListenerFirst(machines.host)) return;
  const deadline = system.monotonicMs() + waitForServerMs;
  const waiting = ui.progress('Waiting for the other machine ("test-qemu server" in another terminal)');
  await showStep(waiting, async () => {
    while (await system.stat(cablePath(runDirectory)) === undefined) {
      if (system.monotonicMs() > deadline) {
        throw new UserError("No laptop was started", { hints: ['Start "test-qemu server" in another terminal first'] });
      }
      await system.delay(500, signal);
    }
  });
}
