/**
 * A laptop whose kernel another distribution has signed, and a desktop with Secure Boot that trusts Debian's only: it
 * refuses before it fetches, and says what it saw.
 */

import assert from "node:assert/strict";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { cablePath, desktopSpec, laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { startFromStick } from "../qemu/boot_stick.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { makeProgram, signProgram } from "../support/signed_kernel.ts";

const rig = await prepareQemuTest();

/** Nothing starts it: whoever reads its signature gets no further. */
const kernel = signProgram(makeProgram(1_000_000), ["kernel-signer", "Another Secure Boot CA"]);

/** In place of the kernel that /boot/stiefelsystem.json names. Runs `debugfs`. */
async function replaceKernel(diskPath: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const path = `${runDirectory}/foreign-kernel`;
  await system.writeFile(path, kernel);
  const bootPartition = `${diskPath}?offset=${demoDiskLayout.boot.offsetBytes}`;
  for (const request of ["rm /linux-stiefel", `write ${path} linux-stiefel`]) {
    await system.run(["debugfs", "-w", "-R", request, bootPartition]);
  }
  const { stdout } = await system.run(["debugfs", "-R", "ls -l /", bootPartition]);
  assert.match(stdout, new RegExp(`\\b${kernel.length}\\b.* linux-stiefel`), "the kernel was not replaced");
}

Deno.test({
  name: "a desktop with Secure Boot does not fetch a kernel of a signer it does not trust, and both screens tell why",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const { image, disk, host } = await rig.machines();
    const diskPath = `${runDirectory}/disk.img`;
    await copyDemoDisk(system, disk, diskPath);
    await replaceKernel(diskPath);
    await system.remove(cablePath(runDirectory));
    const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" } as const;
    const limits = { runDirectory, limitMs: 840_000 };
    await using laptop = await startVm(system, laptopSpec(settings), host, limits);
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180_000 });
    await using desktop = await startVm(system, await startFromStick(rig, desktopSpec(settings)), host, limits);
    const refused = /This desktop cannot start the laptop's kernel, which is signed by "Another Secure Boot CA"/;
    await desktop.waitForLine(refused, { timeoutMs: 400_000 });
    await desktop.waitForLine(/a key that this desktop trusts: .*"Debian Secure Boot CA"/, { timeoutMs: 30_000 });
    // A stick that was made from an image file.
    const noPlace = /The laptop's own boot loaders cannot start it from this stick: it has no place for them; /;
    await desktop.waitForLine(noPlace, { timeoutMs: 30_000 });
    await laptop.waitForLine(/The client gave up: .*signed by "Another Secure Boot CA"/, { timeoutMs: 30_000 });
    const shown = desktop.lines.map(({ text }) => text).join("\n");
    assert.match(shown, /^ {2}firmware {6}UEFI, Secure Boot on, kernel locked down \(integrity\)/m);
    assert.match(shown, /^ {2}its kernel {4}signed by "Another Secure Boot CA", not trusted here/m);
    assert.doesNotMatch(shown, /Fetching|step=fetched/);
  },
});
