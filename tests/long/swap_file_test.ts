/**
 * A laptop with the signature of a hibernated system in a swap file that no kernel parameter names. luks_test.ts has
 * one that sleeps in LUKS.
 */

import { prepareDemoDisk } from "../../lib/cli/commands/prepare_machines.ts";
import { copyDemoDisk } from "../../lib/qemu/demo_disk.ts";
import { demoDiskLayout, formatFstab } from "../../lib/qemu/demo_disk_layout.ts";
import { assertRefused } from "../qemu/hibernated.ts";
import { prepareQemuTest } from "../qemu/machines.ts";

const rig = await prepareQemuTest();

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
    await assertRefused(rig, diskPath, "/swap.img");
  },
});

/** What hibernating leaves in the first page of swap (kernel/power/swap.c): in place of its own signature. */
const signature = { text: "S1SUSPEND\0", offset: 4096 - 10 } as const;

/** Real swap, in a file of the root file system, which is not mounted for it. */
async function addHibernatedSwapFile(diskPath: string): Promise<void> {
  const { system, options: { runDirectory } } = rig;
  const [swap, fstab] = [`${runDirectory}/swap.img`, `${runDirectory}/fstab`];
  await using stack = new AsyncDisposableStack();
  for (const path of [swap, fstab]) stack.defer(() => system.remove(path));
  await system.run(["truncate", "-s", "1M", swap]);
  await system.run(["mkswap", swap]);
  const at = [`seek=${signature.offset}`, "bs=1", "conv=notrunc"];
  await system.run(["dd", `of=${swap}`, ...at], { stdin: signature.text });
  await system.writeFile(fstab, `${formatFstab()}/swap.img none swap sw 0 0\n`);
  const root = `${diskPath}?offset=${demoDiskLayout.root.offsetBytes}`;
  const commands = [`write ${swap} /swap.img`, "rm /etc/fstab", `write ${fstab} /etc/fstab`];
  await system.run(["debugfs", "-w", "-f", "-", root], { stdin: commands.join("\n") });
}
