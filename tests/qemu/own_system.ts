/** A laptop that runs its own Debian from its disk, with the project on a second one. */

import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { copyDemoDisk, type DemoDisk, type DemoDiskRecipe } from "../../lib/qemu/demo_disk.ts";
import { type ConsoleShell, openConsoleShell } from "../../lib/qemu/console_shell.ts";
import { cablePath, ownLaptopSpec } from "../../lib/qemu/machine_pair.ts";
import { makeProjectDisk, mountProject } from "../../lib/qemu/project_disk.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { QemuTest } from "./machines.ts";

export type LaptopGenerator = NonNullable<DemoDiskRecipe["generator"]>;

/** A Debian nobody has set up yet, with NetworkManager, as laptops have it. */
function prepareOwnDisk({ system, ui, options }: QemuTest, generator: LaptopGenerator): Promise<DemoDisk> {
  return prepareDemoDisk(system, ui, options, {
    title: "Laptop disk",
    name: generator === "dracut" ? "dracut-laptop-disk" : "laptop-disk",
    packages: ["kexec-tools", "network-manager"],
    isUntouched: true,
    generator,
  });
}

export interface OwnLaptop extends AsyncDisposable {
  readonly vm: Vm;
  readonly diskPath: string;
  /** Waits for multi-user of the laptop's own system, of its `boot`th start (1 and up), with the project's disk mounted. */
  work(boot: number): Promise<ConsoleShell>;
}

/** What its own system says when multi-user is reached; the partition is that of its own disk. */
export const ownSystemPattern = /stiefel-demo: root=\/dev\/vda2 /;
const multiUserLimitMs = 300_000;

/** @param options.limitMs for everything this machine does */
export async function startOwnLaptop(
  rig: QemuTest,
  { limitMs, generator = "initramfs-tools" }: { readonly limitMs: number; readonly generator?: LaptopGenerator },
): Promise<OwnLaptop> {
  const { system, options } = rig;
  const { runDirectory, image } = options;
  const { host, image: artifacts } = await rig.machines();
  const diskPath = `${runDirectory}/laptop.img`;
  const projectDiskPath = `${runDirectory}/project.img`;
  await copyDemoDisk(system, await prepareOwnDisk(rig, generator), diskPath);
  await makeProjectDisk(system, {
    projectDirectory: options.projectDirectory,
    artifacts: await listFiles(rig, artifacts.kernelPath.replace(/\/[^/]*$/, "")),
    keyPath: image.keyPath ?? `${options.projectDirectory}/aes-key`,
    denoPath: image.deno.path,
    denoDir: image.deno.environment.DENO_DIR ?? `${image.deno.environment.HOME}/.cache/deno`,
  }, projectDiskPath);
  await system.remove(cablePath(runDirectory));
  const vm = await startVm(system, ownLaptopSpec({ diskPath, projectDiskPath, memoryMiB: 1024 }), host, {
    runDirectory,
    limitMs,
  });
  let from = 0;
  let boots = 0;
  return {
    vm,
    diskPath,
    work: async (boot) => {
      for (; boots < boot; boots++) {
        const line = await vm.waitForLine(ownSystemPattern, { timeoutMs: multiUserLimitMs, from });
        from = vm.lines.indexOf(line) + 1;
      }
      const shell = await openConsoleShell(system, vm, { timeoutMs: 60_000 });
      await shell.mustRun(mountProject, { timeoutMs: 30_000 });
      return shell;
    },
    [Symbol.asyncDispose]: async () => {
      await vm[Symbol.asyncDispose]();
      await system.remove(diskPath);
      await system.remove(projectDiskPath);
    },
  };
}

/** What create-initrd has made; run directories lie beside it. */
async function listFiles({ system }: QemuTest, directory: string): Promise<readonly string[]> {
  const paths = (await system.readDirectory(directory)).map((name) => `${directory}/${name}`);
  const kinds = await Promise.all(paths.map(async (path) => (await system.lstat(path))?.kind));
  return paths.filter((_, index) => kinds[index] === "file");
}
