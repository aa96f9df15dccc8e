/** Laptops whose root is on LUKS and LVM, or in a btrfs subvolume, used from a desktop as a whole. */

import assert from "node:assert/strict";
import { installedDiskPassphrase, type InstalledLayout, installedLayouts } from "../../lib/qemu/installed_disk.ts";
import { bootPair, listFacts, newToken } from "../../lib/qemu/machine_pair.ts";
import { copyInstalledDisk, readInstalledMarker } from "./installed_disks.ts";
import { prepareQemuTest } from "./machines.ts";

const rig = await prepareQemuTest();

/** Boots a desktop from the disk, and looks at the disk afterwards. */
async function bootFrom(layout: InstalledLayout): Promise<void> {
  const { system, options } = rig;
  const { image, host } = await rig.machines();
  const diskPath = await copyInstalledDisk(rig, layout);
  const outcome = await bootPair(
    system,
    { image, diskPath, serverMemoryMiB: 768, clientMemoryMiB: 1024, console: "pipe" },
    {
      place: { host, runDirectory: options.runDirectory },
      order: { action: "poweroff", token: newToken(system) },
      readMarker: () => readInstalledMarker(rig, layout, diskPath),
      ...layout.crypttab === undefined ? {} : { passphrase: installedDiskPassphrase },
    },
  );
  await system.remove(diskPath);
  for (const fact of listFacts(outcome, layout.root)) assert.ok(fact.holds, fact.text);
}

Deno.test({
  name: "root on LVM in LUKS: the passphrase is typed on the desktop, for the laptop's image and for its own system",
  ignore: rig.skipReason !== undefined,
  fn: () => bootFrom(installedLayouts["luks-lvm"]),
});

Deno.test({
  name: "root in a btrfs subvolume, /boot in it, /home in another",
  ignore: rig.skipReason !== undefined,
  fn: () => bootFrom(installedLayouts.btrfs),
});
