/** An image for arm64, built here, in two machines of that architecture. */

import assert from "node:assert/strict";
import { architectures } from "../../lib/architecture.ts";
import { type BuiltImage, createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { readFileOnDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { cablePath, desktopSpec, laptopSpec, newToken, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm } from "../../lib/qemu/run_vm.ts";
import { makeSmallLaptop, markerPath } from "../qemu/arm64_laptop.ts";
import { partOf, waitForAttachedDisk } from "../qemu/attached_disk.ts";
import { readElfMachine } from "../../lib/image/elf.ts";
import { listTree } from "../../lib/image/list_tree.ts";
import { makeStickImage } from "../../lib/media/stick_image.ts";
import { fromStick } from "../../lib/qemu/stick_spec.ts";
import { prepareSecureBoot } from "../../lib/qemu/uefi_firmware.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();
const second = 1000;
const limitMs = 300 * second;
const outDir = `${rig.options.runDirectory}/arm64-image`;
const memory = { serverMemoryMiB: 1024, clientMemoryMiB: 1024 };

let image: Promise<BuiltImage> | undefined;

function buildImage(): Promise<BuiltImage> {
  const { system, ui, options: { image: options, runDirectory } } = rig;
  const build = async (): Promise<BuiltImage> => {
    await system.makeDirectory(runDirectory);
    const configPath = `${runDirectory}/arm64.yaml`;
    await system.writeFile(configPath, "image: {architecture: arm64}\n");
    return await createInitrd(system, ui, { ...options, configPath, outDir, form: "folder" });
  };
  return image ??= build();
}

Deno.test({
  name: "arm64: every program of the image is for that processor",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system } = rig;
    const { treePath } = await buildImage();
    const machines = new Map<number, string[]>();
    for (const { kind, path } of await listTree(system, treePath)) {
      if (kind !== "file") continue;
      const machine = readElfMachine(await system.readFile(`${treePath}/${path}`));
      if (machine !== undefined) machines.set(machine, [...machines.get(machine) ?? [], path]);
    }
    const { arm64: { elfMachine } } = architectures;
    const programs = machines.get(elfMachine) ?? [];
    assert.ok(programs.includes("usr/bin/busybox") && programs.includes("usr/lib/stiefelsystem/deno"), `${programs}`);
    machines.delete(elfMachine);
    assert.deepEqual([...machines.values()].flat(), []);
  },
});

Deno.test({
  name: "arm64: a desktop finds its laptop, and runs the laptop's system from the laptop's disk",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { projectDirectory, runDirectory } } = rig;
    const host = await detectQemuHost(system, "arm64");
    const image = await buildImage();
    const token = newToken(system);
    const hostFiles = `${projectDirectory}/image/host/generic`;
    const diskPath = await makeSmallLaptop(system, { image, hostFiles, directory: runDirectory, token });

    const settings = { architecture: "arm64", image, diskPath, ...memory, console: "pipe" } as const;
    const place = { runDirectory, limitMs: 4 * limitMs };
    await system.remove(cablePath(runDirectory));
    await using laptop = await startVm(system, laptopSpec(settings), host, place);
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: limitMs });
    await using desktop = await startVm(system, desktopSpec(settings), host, place);
    await desktop.waitForLine(/small-laptop: initramfs of aarch64/, { timeoutMs: 2 * limitMs });
    const root = partOf(await waitForAttachedDisk(desktop, limitMs), 2);
    const report = new RegExp(`stiefel-demo: root=${RegExp.escape(root)} fstype=ext4 kernel=\\S*arm64`);
    await desktop.waitForLine(report, { timeoutMs: limitMs });
    assert.equal((await desktop.ended).kind, "shutdown");
    assert.equal(await readFileOnDemoDisk(system, diskPath, markerPath), `${token}\n`);
    await system.remove(diskPath);
  },
});

Deno.test({
  name: "arm64: a stick starts the agent of a desktop with Secure Boot",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { image: { keyPath = "" }, runDirectory } } = rig;
    const host = await detectQemuHost(system, "arm64");
    const image = await buildImage();
    const path = `${runDirectory}/arm64-stick.img`;
    const parameters = ["console=ttyAMA0,115200"];
    const stick = await makeStickImage(
      system,
      { buildDirectory: outDir, keyPath, laptopName: "laptop", parameters },
      path,
    );
    const firmware = await prepareSecureBoot(system, { architecture: "arm64", runDirectory, name: "desktop" });
    const settings = { architecture: "arm64", image, clientMemoryMiB: 1024, console: "pipe" } as const;
    const spec = { ...fromStick(desktopSpec(settings), stick, { firmware }), links: [] };
    await using desktop = await startVm(system, spec, host, { runDirectory, limitMs: 2 * limitMs });
    await desktop.waitForLine(/UEFI Secure Boot is enabled/, { timeoutMs: limitMs });
    await desktop.waitForLine(/^stiefelsystem: step=agent /, { timeoutMs: limitMs });
    await system.remove(path);
  },
});
