/** A laptop that its user turns into a server: by the command serve-now, and by the entry in GRUB's menu. */

import assert from "node:assert/strict";
import { serverReadyPattern } from "../../lib/qemu/machine_pair.ts";
import { prepareQemuTest } from "../qemu/machines.ts";
import { laptops, type OwnLaptop, startOwnLaptop } from "../qemu/own_system.ts";
import { build, command, limits, setUp, short, switchOff } from "../qemu/own_system_steps.ts";
import { inProject } from "../support/project_disk.ts";
import { pressTogether } from "../support/text_screen.ts";

const rig = await prepareQemuTest();

/** What grub-mkconfig(8) reads. */
const grubDefaults = 'GRUB_TIMEOUT=0\\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\\n';

Deno.test({
  name: "P18: serve-now and GRUB's entry turn a laptop into a server; Ctrl-Alt-Del there leads back",
  ignore: rig.skipReason !== undefined,
  fn: async () => {
    await using laptop = await startOwnLaptop(rig, laptops.plain, limits);
    const shell = await laptop.work(1);
    await shell.mustRun(`printf '${grubDefaults}' >/etc/default/grub && grub-mkconfig -o /boot/grub/grub.cfg`, command);
    await setUp(shell);
    await shell.mustRun("grep menuentry /boot/grub/custom.cfg", short);

    const asked = laptop.vm.lines.length;
    laptop.vm.type(`${inProject("./stiefelsystem serve-now --yes")}\n`);
    await comeBack(laptop, asked);
    const said = laptop.vm.lines.slice(asked).map(({ text }) => text);
    assert.ok(said.some((text) => /^This computer shuts down as for any restart/.test(text)), said.join("\n"));
    assert.ok(!said.some((text) => /cannot be used \(/.test(text)), "what it handed over is used");

    const again = await laptop.work(2);
    await again.mustRun("grub-reboot stiefelsystem", short);
    const restarted = laptop.vm.lines.length;
    laptop.vm.type("systemctl reboot\n");
    await comeBack(laptop, restarted);

    const back = await laptop.work(3);
    await back.mustRun(inProject("deno task undo-setup --yes"), build);
    await back.mustRun("test ! -e /boot/grub/custom.cfg", short);
    await switchOff(laptop);
  },
});

/** From a server that waits for desktops to a restart. @param from the line where the way into it began */
async function comeBack({ vm }: OwnLaptop, from: number): Promise<void> {
  await vm.waitForLine(serverReadyPattern, { timeoutMs: 420_000, from });
  await pressTogether(await vm.control(), ["ctrl", "alt", "delete"]);
}
