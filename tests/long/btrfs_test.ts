/** A laptop with dracut whose Debian lies in subvolumes of btrfs on LVM. */

import assert from "node:assert/strict";
import { prepareQemuTest } from "../qemu/machines.ts";
import { laptops, startOwnLaptop } from "../qemu/own_system.ts";
import { limits, serveAndComeBack, setUp, switchOff } from "../qemu/own_system_steps.ts";

const rig = await prepareQemuTest();

Deno.test({
  name: "a laptop with dracut, and everything in subvolumes of btrfs on LVM, serves a desktop and comes back",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.lvmBtrfs, limits);
    const shell = await laptop.work(1);
    await setUp(shell);
    const { desktop } = await serveAndComeBack(rig, { laptop, kind: laptops.lvmBtrfs, shell });
    await switchOff(laptop);
    const said = (pattern: RegExp): number => desktop.lines.findIndex(({ text }) => pattern.test(text));
    assert.ok(said(/Finished .*stiefel-attach\.service/) >= 0, "the unit attached the disk");
    assert.ok(said(/Finished .*stiefel-prepare\.service/) >= 0, "the unit prepared the system");
    assert.ok(said(/stiefelsystem: detaching the laptop's disk/) >= 0, "the disk was let go of at the end");
    // Nothing but our unit in the initramfs: neither dracut's own network nor a network manager.
    const switchRoot = said(/Starting .*initrd-switch-root\.service/);
    assert.ok(switchRoot >= 0, "the initramfs was left");
    const inInitramfs = desktop.lines.slice(0, switchRoot);
    const networks = inInitramfs.filter(({ text }) =>
      /Start(?:ing|ed) .*(?:NetworkManager|systemd-networkd|nm-initrd)/.test(text)
    );
    assert.deepEqual(networks, []);
  },
});
