/** Laptops that systemd-boot starts, the EFI system partition at /boot/efi: with an entry there, or with a unified kernel image. */

import { prepareQemuTest } from "../qemu/machines.ts";
import { type LaptopKind, laptops, startOwnLaptop } from "../qemu/own_system.ts";
import { limits, serveAndComeBack, setUp, short, switchOff } from "../qemu/own_system_steps.ts";

const rig = await prepareQemuTest();

const kinds: readonly (readonly [name: string, kind: LaptopKind, variable: string])[] = [
  ["a unified kernel image", laptops.unified, "StubInfo"],
  ["an entry on the EFI system partition", laptops.systemdBoot, "LoaderInfo"],
];

for (const [name, kind, variable] of kinds) {
  Deno.test({
    name:
      `a laptop started by systemd-boot, from ${name}, is set up, serves a desktop what it hands over, and comes back by itself`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await using laptop = await startOwnLaptop(rig, kind, limits);
      const shell = await laptop.work(1);
      // The Boot Loader Interface: a loader or stub leaves its name in a variable of the firmware.
      await shell.mustRun(`ls /sys/firmware/efi/efivars/${variable}-*`, short);
      await shell.mustRun("test ! -e /boot/grub/grub.cfg && findmnt --noheadings /boot/efi", short);
      await setUp(shell);
      await serveAndComeBack(rig, { laptop, kind, shell });
      await switchOff(laptop);
    },
  });
}
