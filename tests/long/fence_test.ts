/**
 * The fence (doc/agents.md, "When the laptop was restarted meanwhile"): a laptop loses power while a desktop writes to
 * its disk, starts its own system, and becomes a server again. The desktop of before, which has waited all the time,
 * writes not one block.
 */

import assert from "node:assert/strict";
import { hashFile } from "../../lib/hash.ts";
import {
  cableSocket,
  demoCredentials,
  desktopSpec,
  laptopSpec,
  localSpec,
  newToken,
  serverReadyPattern,
} from "../../lib/qemu/machine_pair.ts";
import { startVm, type Vm } from "../../lib/qemu/run_vm.ts";
import type { VmSpec } from "../../lib/qemu/vm_spec.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { startConfiguredPair } from "../qemu/unplugged_cable.ts";
import { isCleanOnDemoDisk } from "../support/clean_file_system.ts";
import { demoDiskLayout } from "../../lib/qemu/demo_disk_layout.ts";
import { autologinCredentials, openConsoleShell } from "../support/console_shell.ts";
import { layRelayCable } from "../support/relay_cable.ts";

const rig = await prepareQemuTest();

const limitMs = 40 * 60_000;
const startMs = 420_000;
/** Longer than what lies between two tries of TCP, of WireGuard (90 s of tries, then the next packet) and of NVMe. */
const looseMs = 200_000;
/** Appends to a file of the root file system and flushes it, without a pause. */
const writer = "systemd-run --unit=writer sh -c 'while :; do date >>/root/fence; sync -f /root/fence; done'";

const links = {
  "as it is by default": "{}\n",
  "by NVMe/TCP in the clear": "block:\n  security: none\n  transport: nvme-tcp\n",
  "by NBD in the clear": "block:\n  security: none\n  transport: nbd\n",
};

for (const [link, configuration] of Object.entries(links)) {
  Deno.test({
    name:
      `a laptop that lost power, ran its own system and serves again is not written to by the desktop of before: ${link}`,
    ignore: rig.skipReason !== undefined,
    fn: async () => {
      const { system, options: { runDirectory } } = rig;
      const { settings, host } = await startConfiguredPair(rig, "fence", configuration);
      const start = (spec: VmSpec): Promise<Vm> => startVm(system, spec, host, { runDirectory, limitMs });
      const { disk } = await rig.machines();
      const { diskPath } = settings;
      const laptopEnd = `laptop-${cableSocket}`;
      await system.remove(`${runDirectory}/${laptopEnd}`);
      await using cable = layRelayCable([`${runDirectory}/${laptopEnd}`, `${runDirectory}/${cableSocket}`]);
      const plugged = (spec: VmSpec): VmSpec => ({
        ...spec,
        links: spec.links.map((link) => ({ ...link, socketPath: laptopEnd, end: "connecting" })),
      });
      const server = plugged(laptopSpec(settings));

      await using laptop = await start(server);
      await laptop.waitForLine(serverReadyPattern, { timeoutMs: startMs });
      await using desktop = await start(desktopSpec(settings, autologinCredentials));
      await desktop.waitForLine(/stiefel-demo: root=\/dev\/n/, { timeoutMs: startMs });
      const shell = await openConsoleShell(system, desktop, { timeoutMs: 60_000 });
      await shell.mustRun(`${writer} && until [ "$(wc -l </root/fence)" -ge 5 ]; do sleep 0.1; done`, {
        timeoutMs: 120_000,
      });

      // Its power is gone: the process is killed.
      await laptop[Symbol.asyncDispose]();
      const own = localSpec(
        { image: disk, commandLine: disk.commandLine, diskPath, memoryMiB: 768 },
        demoCredentials({ action: "poweroff", token: newToken(system) }),
      );
      await using ownSystem = await start(own);
      assert.equal((await ownSystem.ended).kind, "shutdown");
      assert.ok(await isCleanOnDemoDisk(system, diskPath, demoDiskLayout.root));
      const before = await hashFile(system, diskPath);
      // What it is waiting for, and what to do.
      await desktop.waitForLine(/THE LAPTOP DOES NOT ANSWER|THE LAPTOP'S DISK IS CUT OFF/, { timeoutMs: 120_000 });

      await using again = await start(server);
      await again.waitForLine(serverReadyPattern, { timeoutMs: startMs });
      const reachedBefore = cable.countTo(0);
      await system.delay(looseMs);
      assert.ok(cable.countTo(0) > reachedBefore, "the desktop has tried nothing");
      assert.notEqual(await desktop.processorSeconds(), undefined, "the desktop does not run any more");
      assert.equal(await hashFile(system, diskPath), before, "the disk has changed");
      const said = again.lines.filter(({ text }) => /has the disk|is connected to the disk/.test(text));
      assert.deepEqual(said, []);
    },
  });
}
