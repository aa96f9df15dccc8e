/** Try mode of laptops with everything on LVM in LUKS, and in subvolumes of btrfs on LVM. */

import assert from "node:assert/strict";
import { hashFile } from "../../lib/hash.ts";
import { desktopSpec, serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { startVm } from "../../lib/qemu/run_vm.ts";
import { assertIsMarked, inTryMode, readIdentity, workAsGuest } from "./guests.ts";
import { prepareQemuTest } from "./machines.ts";
import { type LaptopKind, startOwnLaptop, typePassphrase } from "./own_system.ts";
import { setUp, short, switchOff } from "./own_system_steps.ts";
import { autologinCredentials } from "../support/console_shell.ts";

const rig = await prepareQemuTest();

const second = 1000;

/** Registers the scenario for a laptop that has its system on what the name says. */
export function testInstalledGuest(name: string, kind: LaptopKind): void {
  Deno.test({
    name: `a guest of a laptop with ${name} writes 200 MB, and the laptop's own system starts from the disk as it was`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system, options: { runDirectory } } = rig;
      await using laptop = await startOwnLaptop(rig, kind, { limitMs: 3000 * second, memoryMiB: 2048 });
      // It is looked at before its own system starts again.
      await setUp(await laptop.work(1), "sed -i 's/^  on-end: reboot$/  on-end: poweroff/' config.yaml");
      const { image, host } = await rig.machines();
      const spec = inTryMode(desktopSpec({ image, clientMemoryMiB: 1024, console: "pipe" }, autologinCredentials));
      const from = laptop.vm.lines.length;
      let before = "";
      {
        await using desktop = await startVm(system, spec, host, { runDirectory, limitMs: 1500 * second });
        await using _typist = typePassphrase(system, desktop, kind);
        await laptop.vm.waitForLine(serverReadyPattern, { timeoutMs: 420 * second, from });
        before = await hashFile(system, laptop.diskPath);
        const shell = await workAsGuest(system, desktop, (disk) => kind.desktopRoot(disk));
        await assertIsMarked(shell);
        assert.match((await readIdentity(shell)).hostName, /-try$/);
        await shell.mustRun("dd if=/dev/urandom of=/root/changes bs=1M count=200 conv=fsync", {
          timeoutMs: 600 * second,
        });
        assert.equal(await hashFile(system, laptop.diskPath), before, "the disk has changed under the guest");
        desktop.type("systemctl poweroff\n");
        assert.equal((await desktop.ended).kind, "shutdown");
      }
      assert.equal((await laptop.vm.ended).kind, "shutdown");
      assert.equal(await hashFile(system, laptop.diskPath), before, "the disk has changed");
      await laptop.switchOn();
      const own = await laptop.work(1);
      await own.mustRun("[ ! -e /root/changes ] && hostname | grep -v -e -try", short);
      await switchOff(laptop);
    },
  });
}
