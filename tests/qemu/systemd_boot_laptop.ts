/** A laptop that systemd-boot starts, the EFI system partition at /boot/efi, in a scenario of its own. */

import { prepareQemuTest } from "./machines.ts";
import { type LaptopKind, startOwnLaptop } from "./own_system.ts";
import { limits, serveAndComeBack, setUp, short, switchOff } from "./own_system_steps.ts";

/**
 * @param options.variable The Boot Loader Interface: a loader or stub leaves its name in this variable of the firmware
 */
export async function testSystemdBootLaptop(
  { from, kind, variable }: {
    readonly from: string;
    readonly kind: LaptopKind;
    readonly variable: "StubInfo" | "LoaderInfo";
  },
): Promise<void> {
  const rig = await prepareQemuTest();
  Deno.test({
    name:
      `a laptop started by systemd-boot, from ${from}, is set up, serves a desktop what it hands over, and comes back by itself`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      await using laptop = await startOwnLaptop(rig, kind, limits);
      const shell = await laptop.work(1);
      await shell.mustRun(`ls /sys/firmware/efi/efivars/${variable}-*`, short);
      await shell.mustRun("test ! -e /boot/grub/grub.cfg && findmnt --noheadings /boot/efi", short);
      await setUp(shell);
      await serveAndComeBack(rig, { laptop, kind, shell });
      await switchOff(laptop);
    },
  });
}
