/** A laptop with initramfs-tools and everything on LVM in LUKS. */

import assert from "node:assert/strict";
import { type ConsoleShell, openConsoleShell } from "../support/console_shell.ts";
import { inProject } from "../support/project_disk.ts";
import { assertRefused } from "../qemu/hibernated.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { laptops, type OwnLaptop, startOwnLaptop } from "../qemu/own_system.ts";
import { command, limits, readBootId, serveAndComeBack, setUp, short, switchOff } from "../qemu/own_system_steps.ts";

const rig = await prepareQemuTest();

Deno.test({
  name:
    "a laptop with initramfs-tools, and everything on LVM in LUKS, /boot and swap, too, serves a desktop and comes back; then it " +
    "sleeps, a desktop refuses it, and it wakes up as if nothing had been",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.luksLvm, limits);
    const shell = await laptop.work(1);
    await setUp(shell);
    const { desktop, shell: back } = await serveAndComeBack(rig, { laptop, kind: laptops.luksLvm, shell });
    const asked = desktop.lines.filter(({ text }) => /Please unlock disk \w+: /.test(text));
    assert.equal(asked.length, 1, "the passphrase was typed once");
    // It has just run.
    assert.ok(!desktop.lines.some(({ text }) => /whether a hibernated system is inside cannot be seen/.test(text)));
    const doctor = await back.mustRun(inProject("deno task doctor"), command);
    const checks = [
      /^ok +setup +done$/,
      /^ok +encryption +a passphrase opens \/dev\/vda3$/,
      /^warn +hibernation +set up \(resume=\/dev\/mapper\/laptop-swap_1\)$/,
    ];
    for (const check of checks) assert.ok(doctor.some((line) => check.test(line)), doctor.join("\n"));

    await copyBoot(back);
    const bootId = await readBootId(back);
    await hibernate(laptop);
    await assertRefused(rig, laptop.diskPath, "/dev/mapper/laptop-swap_1");
    await laptop.switchOn();
    await laptop.vm.waitForLine(awake, { timeoutMs: 300_000 });
    assert.equal(await readBootId(await openConsoleShell(rig.system, laptop.vm, short)), bootId);
    await switchOff(laptop);
  },
});

/**
 * Gives the laptop a plain /boot, as Debian's installer makes it: a server finds what to boot there, unlocks nothing,
 * and cannot see that there is a hibernated system.
 */
async function copyBoot(shell: ConsoleShell): Promise<void> {
  const plain = "/dev/vda2";
  const steps = [
    `mkfs.ext4 -q ${plain}`,
    `mount ${plain} /mnt`,
    "cp -a /boot/. /mnt/",
    // As GRUB finds it there.
    "mount --bind /mnt /boot",
    "grub-mkconfig -o /boot/grub/grub.cfg",
    "umount /boot /mnt",
  ];
  await shell.mustRun(steps.join(" && "), command);
}

const awake = /^awake-42$/;

/**
 * Really: its memory goes into its swap, it switches itself off, and the shell that did it goes on when it is switched
 * on again.
 */
async function hibernate({ vm }: OwnLaptop): Promise<void> {
  vm.type("echo disk >/sys/power/state && echo && echo awake-$((40 + 2))\n");
  assert.equal((await vm.ended).kind, "shutdown");
  assert.ok(vm.lines.some(({ text }) => /PM: hibernation: Creating image|PM: Image saving done/.test(text)));
}
