/** A desktop's own Debian turns into the laptop's system by the command `client`, and is back after a restart. */

import assert from "node:assert/strict";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { partOf, waitForDesktop } from "../qemu/attached_disk.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { laptops, startOwnLaptop } from "../qemu/own_system.ts";
import { limits, short } from "../qemu/own_system_steps.ts";
import { waitForText } from "../support/console_prompts.ts";
import { openConsoleShell } from "../support/console_shell.ts";
import { inProject } from "../support/project_disk.ts";

const rig = await prepareQemuTest();
const second = 1000;

Deno.test({
  name: "a desktop's own Debian becomes the laptop's system by `client`, asked first, and is back after a restart",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, options: { runDirectory } } = rig;
    const { image, disk, host } = await rig.machines();
    // Both disks are made by one recipe: the desktop's own has the names of the laptop's.
    await using desktop = await startOwnLaptop(rig, laptops.linuxDesktop, limits);
    const diskPath = `${runDirectory}/disk.img`;
    await copyDemoDisk(system, disk, diskPath);
    const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 0, console: "pipe" } as const;
    const { links: [link], ...others } = laptopSpec(settings, ["stiefel.on_end=poweroff"]);
    assert.ok(link !== undefined);
    const spec = {
      ...others,
      name: "server",
      links: [{ ...link, mac: "52:54:00:5a:1e:f3", end: "connecting" }],
    } as const;
    const shell = await desktop.work(1);
    await using laptop = await startVm(system, spec, host, { runDirectory, ...limits });
    await laptop.waitForLine(serverReadyPattern, { timeoutMs: 240 * second });
    await shell.mustRun("echo of the desktop >/etc/mark && sync", short);

    // No: nothing has changed, and the laptop's disk is free for the second time.
    const refused = desktop.vm.lines.length;
    desktop.vm.type(`${inProject("./stiefelsystem client; echo ended=$?")}\n`);
    const question = /Shut this computer down now\? \[y\/N\] /;
    const end = await waitForText(system, desktop.vm, question, { timeoutMs: 480 * second });
    desktop.vm.type("n\n");
    await desktop.vm.waitForLine(/^ended=3$/, { timeoutMs: 60 * second, from: refused });
    await shell.mustRun("test $(cat /sys/kernel/kexec_loaded) = 0 && systemctl is-system-running", short);

    const from = desktop.vm.lines.length;
    desktop.vm.type(`${inProject("./stiefelsystem client")}\n`);
    await waitForText(system, desktop.vm, question, { timeoutMs: 480 * second, from: end });
    desktop.vm.type("y\n");
    const attached = await waitForDesktop(desktop.vm, 600 * second);
    const said = desktop.vm.lines.slice(from).map(({ text }) => text);
    assert.ok(
      said.some((text) => /Reached target .*(?:kexec|Kexec)|kexec: Starting new kernel/i.test(text)),
      "in order",
    );

    const there = await openConsoleShell(system, desktop.vm, { timeoutMs: 60 * second });
    await there.mustRun("test ! -e /etc/mark && touch /etc/mark-of-the-laptop && sync", short);
    for (const place of ["/", "/boot"]) {
      const [source] = await there.mustRun(`findmnt --noheadings --output SOURCE ${place}`, short);
      assert.ok(source?.startsWith(partOf(attached, 0).slice(0, -1)), `${place} is on ${source}`);
    }
    desktop.vm.type("systemctl reboot\n");
    assert.equal((await laptop.ended).kind, "shutdown");

    const back = await desktop.work(2);
    await back.mustRun("grep desktop /etc/mark && test ! -e /etc/mark-of-the-laptop", short);
    desktop.vm.type("systemctl poweroff\n");
    assert.equal((await desktop.vm.ended).kind, "shutdown");
  },
});
