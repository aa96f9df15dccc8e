/**
 * L1: the real mkinitramfs and dracut of a Debian, told to choose drivers by the machine they run on, where that is a
 * desktop.
 */

import assert from "node:assert/strict";
import { createRealSystem } from "../../lib/system/real.ts";
import { installDebian } from "../network/debian_tree.ts";
import { projectRoot } from "../support/source_tree.ts";

const system = createRealSystem();
// The kernel with the fewest drivers; dracut-core lies beside initramfs-tools.
const packages = [
  ...["systemd", "initramfs-tools", "dracut-core", "zstd", "linux-image-cloud-amd64", "kmod", "udev", "cpio"],
];

/** Runs shell in the tree, with the kernel's file systems; /run is its own. */
async function runIn(root: string, script: string): Promise<string> {
  const mounts = 'mount -t proc proc "$0/proc"; mount -t sysfs -o ro sysfs "$0/sys"; mount --rbind /dev "$0/dev"';
  const argv = ["unshare", "--mount", "sh", "-euc", `${mounts}; exec chroot "$0" sh -euc "$1"`, root, script];
  const { stdout, stderr } = await system.run(argv, { timeoutMs: 600_000 });
  return `${stdout}\n${stderr}`;
}

/** What the laptop had loaded, one of them no driver of disks; not every kernel has each as a module. */
const used = ["kernel/fs/configfs/configfs", "kernel/fs/9p/9p", "kernel/fs/udf/udf", "kernel/fs/fuse/fuse"];
const record = `${used.map((path) => `MODULE=${path}\n`).join("")}RESUME=UUID=5a1ef1e5-0000-4000-8000-000000000004
`;

Deno.test({
  name: "L1: on a desktop mkinitramfs with MODULES=dep, and dracut host-only, build what starts the laptop",
  ignore: Deno.uid() !== 0, // chroot(2) takes root
  fn: async () => {
    await using tree = await installDebian(packages);
    const root = tree.directory;
    for (const layer of ["initramfs-tools-own", "dracut-own"]) {
      await system.run(["cp", "-a", `${projectRoot}image/host/${layer}/.`, `${root}/`]);
    }
    await Deno.mkdir(`${root}/etc/stiefelsystem`);
    await Deno.writeTextFile(`${root}/etc/stiefelsystem/laptop`, record);
    await Deno.writeTextFile(`${root}/etc/initramfs-tools/conf.d/driver-policy`, "MODULES=dep\n");
    await Deno.mkdir(`${root}/run/stiefelsystem`, { recursive: true });
    await Deno.writeTextFile(`${root}/run/stiefelsystem/session.state`, "STIEFEL_DISK=/dev/nbd0\n");
    const release = [...Deno.readDirSync(`${root}/usr/lib/modules`)][0]?.name ?? "";

    const there = await runIn(root, "find /usr/lib/modules -name '*.ko*'");
    const drivers = ["nvme.ko", "virtio_scsi.ko", "hv_storvsc.ko", "xen-blkfront.ko", "sd_mod.ko"].filter((name) =>
      there.includes(`/${name}`)
    );
    const own = used.map((path) => `/${path}.ko`).filter((path) => there.includes(path));
    assert.ok(drivers.length >= 2 && own.length >= 1, there);

    const ofInitramfsTools = await runIn(root, `mkinitramfs -o /image ${release}; lsinitramfs /image`);
    assert.match(ofInitramfsTools, /this system runs on a desktop/);
    for (const file of [...drivers, ...own]) {
      assert.ok(ofInitramfsTools.includes(file), file);
    }
    const resume = await runIn(root, "rm -rf /x; unmkinitramfs /image /x; find /x -name zz-resume-auto -exec cat {} +");
    assert.match(resume, /^RESUME=UUID=5a1ef1e5-0000-4000-8000-000000000004$/m);

    const dracut = `dracut --force --quiet --hostonly /image ${release}; lsinitrd /image`;
    const ofDracut = await runIn(root, dracut);
    assert.match(ofDracut, /this system runs on a desktop/);
    for (const file of [...drivers, ...own]) {
      assert.ok(ofDracut.includes(file), file);
    }
    assert.match(ofDracut, /^resume$/m);
    await Deno.remove(`${root}/run/stiefelsystem/session.state`);
    const onLaptop = await runIn(root, dracut);
    assert.doesNotMatch(onLaptop, /runs on a desktop/, "the laptop itself");
  },
});
