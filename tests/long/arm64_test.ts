/** An image for arm64, built here, in two machines of that architecture. */

import assert from "node:assert/strict";
import { createInitrd } from "../../lib/cli/commands/create_initrd.ts";
import { readFileOnDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { cablePath, desktopSpec, laptopSpec, newToken, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { detectQemuHost, startVm } from "../../lib/qemu/run_vm.ts";
import { makeSmallLaptop, markerPath } from "../qemu/arm64_laptop.ts";
import { partOf, waitForAttachedDisk } from "../qemu/attached_disk.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();
const second = 1000;

Deno.test({
  name: "arm64: a desktop finds its laptop, and runs the laptop's system from the laptop's disk",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options: { image: imageOptions, projectDirectory, runDirectory } } = rig;
    const host = await detectQemuHost(system, "arm64");
    await system.makeDirectory(runDirectory);
    const configPath = `${runDirectory}/arm64.yaml`;
    await system.writeFile(configPath, "image: {architecture: arm64}\n");
    const outDir = `${runDirectory}/arm64-image`;
    const image = await createInitrd(system, ui, { ...imageOptions, configPath, outDir, form: "folder" });
    const token = newToken(system);
    const hostFiles = `${projectDirectory}/image/host/generic`;
    const diskPath = await makeSmallLaptop(system, { image, hostFiles, directory: runDirectory, token });

    const memory = { serverMemoryMiB: 1024, clientMemoryMiB: 1024 };
    const settings = { architecture: "arm64", image, diskPath, ...memory, console: "pipe" } as const;
    const place = { runDirectory, limitMs: 1200 * second };
    await system.remove(cablePath(runDirectory));
    await using laptop = await startVm(system, laptopSpec(settings), host, place);
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 300 * second });
    await using desktop = await startVm(system, desktopSpec(settings), host, place);
    await desktop.waitForLine(/^stiefelsystem: step=found /, { timeoutMs: 300 * second });
    await desktop.waitForLine(/small-laptop: initramfs of aarch64/, { timeoutMs: 300 * second });
    const root = partOf(await waitForAttachedDisk(desktop, 180 * second), 2);
    const report = new RegExp(`stiefel-demo: root=${RegExp.escape(root)} fstype=ext4 kernel=\\S*arm64`);
    await desktop.waitForLine(report, { timeoutMs: 120 * second });
    assert.equal((await desktop.ended).kind, "shutdown");
    assert.equal(await readFileOnDemoDisk(system, diskPath, markerPath), `${token}\n`);
    await system.remove(diskPath);
  },
});
