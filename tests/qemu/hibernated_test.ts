/**
 * Hibernated laptops whose memory image the server cannot see: a desktop refuses, and leaves every byte of the disk as it was. One has a plain
 * /boot and all else on LVM in LUKS, and a desktop runs it before; the other a swap file that no kernel parameter names.
 */

import assert from "node:assert/strict";
import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { answerPrompts } from "../../lib/qemu/console_prompts.ts";
import { autologinCredentials, openConsoleShell } from "../../lib/qemu/console_shell.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { demoDiskLayout, formatFstab } from "../../lib/qemu/demo_disk_layout.ts";
import { installedDiskPassphrase } from "../../lib/qemu/installed_disk.ts";
import { cablePath, desktopSpec, laptopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import { copyInstalledDisk } from "./laptop_disks.ts";
import { prepareQemuTest } from "./machines.ts";
import { passphrasePrompt } from "./own_system.ts";

const rig = await prepareQemuTest();
const second = 1000;

/** Boots a desktop from the disk, lets `use` do something with it, and waits until both machines have switched themselves off. */
async function bootDesktop(diskPath: string, use: (desktop: Vm) => Promise<void>): Promise<Vm> {
  const { system, options: { runDirectory } } = rig;
  const { image, host } = await rig.machines();
  const place = { runDirectory, limitMs: 600 * second };
  const settings = { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" } as const;
  await system.remove(cablePath(runDirectory));
  await using laptop = await startVm(system, laptopSpec(settings, ["stiefel.on_end=poweroff"]), host, place);
  await laptop.waitForLine(serverReadyPattern, { timeoutMs: 180 * second });
  await using desktop = await startVm(system, desktopSpec(settings, autologinCredentials), host, place);
  await using _typist = answerPrompts(system, desktop, { prompt: passphrasePrompt, answer: installedDiskPassphrase });
  await use(desktop);
  assert.equal((await desktop.ended).kind, "shutdown");
  // It was told that the disk is no longer used.
  assert.equal((await laptop.ended).kind, "shutdown");
  return desktop;
}

Deno.test({
  name: "swap inside LUKS, /boot outside: a desktop runs the laptop, and refuses it when it is hibernated",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system } = rig;
    const diskPath = await copyInstalledDisk(rig, "luks-lvm-plain-boot");
    await using stack = new AsyncDisposableStack();
    stack.defer(() => system.remove(diskPath));

    await bootDesktop(diskPath, async (desktop) => {
      await desktop.waitForLine(/stiefel-demo: root=\/dev\/mapper\/laptop-root /, { timeoutMs: 300 * second });
      const shell = await openConsoleShell(system, desktop, { timeoutMs: 60 * second });
      const swap = "/dev/mapper/laptop-swap_1";
      await shell.mustRun(
        `printf '${signature.text}' | dd of=${swap} bs=1 seek=${signature.offset} conv=notrunc,fsync && blkid --probe ${swap} | grep swsuspend`,
        { timeoutMs: 60 * second },
      );
      desktop.type("systemctl poweroff\n");
    });

    await assertRefused(diskPath, "/dev/mapper/laptop-swap_1");
  },
});

Deno.test({
  name: "a hibernated system in a swap file: an initramfs of dracut, with systemd, refuses it",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    const { system, ui, options } = rig;
    const { runDirectory } = options;
    await system.makeDirectory(runDirectory);
    const disk = await prepareDemoDisk(system, ui, options, { name: "dracut-demo-disk", generator: "dracut" });
    const diskPath = `${runDirectory}/laptop.img`;
    await using stack = new AsyncDisposableStack();
    stack.defer(() => system.remove(diskPath));
    await copyDemoDisk(system, disk, diskPath);
    await addHibernatedSwapFile(diskPath);
    await assertRefused(diskPath, "/swap.img");
  },
});

/** What hibernating leaves in the first page of swap (kernel/power/swap.c): in place of its own signature. */
const signature = { text: "S1SUSPEND\\0", offset: 4096 - 10 } as const;

/** Boots a desktop that must not mount anything of the disk. */
async function assertRefused(diskPath: string, sleeper: string): Promise<void> {
  const { system } = rig;
  const untouched = `${diskPath}.before`;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => system.remove(untouched));
  await system.run(["cp", "--sparse=always", "--reflink=auto", diskPath, untouched]);
  const desktop = await bootDesktop(diskPath, async (desktop) => {
    const refusal = new RegExp(`This laptop is hibernated: its sleeping system is in ${RegExp.escape(sleeper)}$`);
    await desktop.waitForLine(refusal, { timeoutMs: 300 * second });
    await desktop.waitForLine(/Press Enter to switch this machine off/, { timeoutMs: 60 * second });
    desktop.type("\n");
  });
  const writers = desktop.lines.filter(({ text }) =>
    /EXT4-fs .* r\/w |recovering journal|stiefel-demo: root=/.test(text)
  );
  assert.deepEqual(writers, []);
  await system.run(["cmp", diskPath, untouched], { timeoutMs: 120 * second });
}

/** Real swap, in a file of the root file system, which is not mounted for it. */
async function addHibernatedSwapFile(diskPath: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const [swap, fstab] = [`${runDirectory}/swap.img`, `${runDirectory}/fstab`];
  await using stack = new AsyncDisposableStack();
  for (const path of [swap, fstab]) stack.defer(() => system.remove(path));
  await system.run(["truncate", "-s", "1M", swap]);
  await system.run(["mkswap", swap]);
  const at = [`seek=${signature.offset}`, "bs=1", "conv=notrunc"];
  await system.run(["dd", `of=${swap}`, ...at], { stdin: "S1SUSPEND\0" });
  await system.writeFile(fstab, `${formatFstab()}/swap.img none swap sw 0 0\n`);
  const root = `${diskPath}?offset=${demoDiskLayout.root.offsetBytes}`;
  const commands = [`write ${swap} /swap.img`, "rm /etc/fstab", `write ${fstab} /etc/fstab`];
  await system.run(["debugfs", "-w", "-f", "-", root], { stdin: commands.join("\n") });
}
