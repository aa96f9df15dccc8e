import assert from "node:assert/strict";
import {
  createInstalledSystem,
  type InstalledSystem,
  installedSystems,
} from "../../../tests/support/installed_systems.ts";
import type { Ui } from "../../ui.ts";
import { init } from "./init.ts";

const debian = installedSystems[0] as InstalledSystem;

/** As lsblk(8) prints it, with what every device has. */
function device(name: string, more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const common = { name, path: `/dev/${name}`, type: "disk", size: 4e9, ro: false, rm: false, "log-sec": 512 };
  return { ...common, mountpoints: [null], ...more };
}

Deno.test("memory that is swapped to and the boot areas of an eMMC are not offered as disks", async () => {
  const blockdevices = [
    device("mmcblk0", {
      model: "Some eMMC",
      // lsblk does not know where a root on ZFS lies.
      children: [device("mmcblk0p1", { type: "part", fstype: "zfs_member" })],
    }),
    device("mmcblk0boot0", { ro: true }),
    device("zram0", { fstype: "swap", mountpoints: ["[SWAP]"] }),
  ];
  const system = await createInstalledSystem(debian, {
    commands: [(argv) => argv[0] === "lsblk" ? JSON.stringify({ blockdevices }) : undefined],
  });
  const asked: string[] = [];
  const said: string[] = [];
  const ui: Pick<Ui, "say" | "confirm"> = {
    say: (text) => void said.push(text),
    confirm: (text) => Promise.resolve(asked.push(text) > 0 && !text.startsWith("Let desktops")),
  };
  await assert.rejects(init(system, ui as Ui, { configPath: "/config.yaml" }), { message: "No disk was chosen" });
  assert.deepEqual(asked, ["Let desktops use it"]);
  assert.equal(said.at(-1), "Another disk: /dev/mmcblk0 (Some eMMC, 4.0 GB)");
});
