/** L9: the real LVM of a Debian, where the desktop's own disk has a volume group of the laptop's name. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { formatSession } from "../../lib/protocol/session.ts";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { session as sampleSession } from "../support/protocol_samples.ts";
import { makeMachine } from "../shell/shell_rig.ts";

const system = createRealSystem();
const script = fileURLToPath(new URL("../../image/host/generic/usr/lib/stiefelsystem/stiefel-attach", import.meta.url));

/** What stiefel-attach writes for LVM. */
async function readFilter(): Promise<string> {
  const session = formatSession(sampleSession);
  const { sizeBytes, blockSizeBytes } = sampleSession.disk;
  const disk = { sectors: sizeBytes / 512, blockSizeBytes };
  await using machine = await makeMachine({ session, links: { enp1s0: sampleSession.link.mac }, disk });
  const { code, stderr } = await machine.run(["dash", script, "attach", machine.root]);
  assert.equal(code, 0, stderr);
  return machine.read("/etc/lvm/lvmlocal.conf");
}

/** Two files as disks, called as they are on a desktop; both hold a volume group "vg0". $0 is the tree. */
const makeGroups = `
mount -t proc proc "$0/proc"; mount -t sysfs -o ro sysfs "$0/sys"; mount -t tmpfs tmpfs "$0/dev"; mount -t tmpfs tmpfs "$0/run"
mkdir "$0/run/lock"
mknod "$0/dev/null" c 1 3; mknod "$0/dev/urandom" c 1 9
for name in nbd0p3 sda3; do
  truncate -s 64M "$0/$name.img"
  loop=$(losetup --show --find "$0/$name.img")
  trap 'losetup --detach $loops' EXIT
  loops="\${loops:-} $loop"
  mknod "$0/dev/$name" b 7 "\${loop#/dev/loop}"
  only="devices{filter=[\\"a|/dev/$name|\\",\\"r|.*|\\"]}"
  chroot "$0" lvm pvcreate --quiet --force --force --yes --config "$only" "/dev/$name"
  chroot "$0" lvm vgcreate --quiet --config "$only" vg0 "/dev/$name"
done >&2
see() { chroot "$0" lvm pvs --noheadings --options pv_name,vg_name; chroot "$0" lvm vgs --noheadings --options pv_name vg0 || echo ambiguous; }
echo before; see
mv "$0/filter" "$0/etc/lvm/lvmlocal.conf"
echo after; see`;

Deno.test({
  name: "L9: LVM in the initramfs takes the laptop's volume group, not the desktop's of the same name",
  ignore: Deno.uid() !== 0, // chroot(2) and loop devices take root
  fn: async () => {
    await using tree = await installDebian(["lvm2"]);
    await Deno.writeTextFile(`${tree.directory}/filter`, await readFilter());
    const { stdout } = await system.run(["unshare", "--mount", "sh", "-euc", makeGroups, tree.directory], {
      env: { DM_DISABLE_UDEV: "1", LVM_SUPPRESS_FD_WARNINGS: "1" },
    });
    const [, before, after] = stdout.split(/^(?:before|after)$/m).map((part) =>
      part.split("\n").map((line) => line.trim().replaceAll(/ +/g, " ")).filter((line) => line !== "")
    );
    assert.deepEqual(before, ["/dev/nbd0p3 vg0", "/dev/sda3 vg0", "ambiguous"]);
    assert.deepEqual(after, ["/dev/nbd0p3 vg0", "/dev/nbd0p3"]);
  },
});
