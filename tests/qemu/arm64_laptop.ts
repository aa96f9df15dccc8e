/**
 * A laptop of arm64 with a small system of its own: the programs and drivers of the image, and two scripts. Installing
 * a Debian would run its programs, in emulation.
 */

import { readOverlay } from "../../lib/host/overlay.ts";
import { archivePaddingBytes, buildCpio } from "../../lib/formats/cpio.ts";
import { concatenate } from "../../lib/formats/bytes.ts";
import { encodeUtf8 } from "../../lib/formats/text.ts";
import { parseManifest } from "../../lib/image/manifest.ts";
import type { ImageArtifacts } from "../../lib/image/publish_artifacts.ts";
import { mkfsArguments } from "../../lib/qemu/demo_disk.ts";
import { demoDiskLayout, formatPartitionTable } from "../../lib/qemu/demo_disk_layout.ts";
import type { System } from "../../lib/system/system.ts";

/** Written by the system that runs on the desktop. */
export const markerPath = "/marker";

/** What an initramfs of a distribution does: devices, the hooks of image/host, the root file system. */
const init = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
exec >/dev/console 2>&1 </dev/console
echo "small-laptop: initramfs of $(uname -m)"
/usr/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
/usr/lib/stiefelsystem/stiefel-attach attach || poweroff -f
udevadm settle --timeout=30
modprobe ext4
mount "$(blkid -U ${demoDiskLayout.root.fileSystemUuid})" /mnt || poweroff -f
/usr/lib/stiefelsystem/stiefel-attach prepare /mnt
for name in dev proc sys run; do mount --move "/$name" "/mnt/$name"; done
exec busybox switch_root /mnt /small-init
`;

const smallInit = (token: string): string =>
  `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
exec >/dev/console 2>&1 </dev/console
echo "stiefel-demo: root=$(findmnt --noheadings --output SOURCE --target /) fstype=$(findmnt --noheadings --output FSTYPE --target /) kernel=$(uname -r)"
echo ${token} >${markerPath}
sync
mount -o remount,ro /
poweroff -f
`;

/**
 * Makes the disk as the demo's is laid out. Needs `cp`, `rm`, `truncate`, `sfdisk`, `mkfs.ext4`.
 * @param image with its tree
 * @param token what the marker shall hold
 * @returns the path of the disk's image
 */
export async function makeSmallLaptop(
  system: System,
  { image, hostFiles, directory, token }: {
    readonly image: ImageArtifacts;
    /** image/host/generic of the project. */
    readonly hostFiles: string;
    readonly directory: string;
    readonly token: string;
  },
): Promise<string> {
  const [boot, path] = [`${directory}/small-boot`, `${directory}/small-laptop.img`];
  await system.remove(boot);
  await system.makeDirectory(boot);
  await system.writeFile(`${boot}/vmlinuz`, await system.readFile(image.kernelPath));
  await system.writeFile(`${boot}/initrd.img`, await makeInitramfs(system, image, hostFiles));
  await system.writeFile(
    `${boot}/stiefelsystem.json`,
    JSON.stringify({
      kernel: "vmlinuz",
      initrd: "initrd.img",
      cmdline: ["console=ttyAMA0,115200"],
      transports: ["nvme-tcp"],
      tunnel: true,
    }),
  );
  await system.writeFile(`${image.treePath}/small-init`, smallInit(token), { mode: 0o755 });
  await system.remove(path);
  await system.run(["truncate", "-s", String(demoDiskLayout.sizeBytes), path]);
  await system.run(["sfdisk", "--quiet", path], { stdin: formatPartitionTable() });
  await system.run(mkfsArguments(demoDiskLayout.boot, boot, path));
  await system.run(mkfsArguments(demoDiskLayout.root, image.treePath, path));
  return path;
}

/** The image's programs and drivers, the files that setup-server puts into an initramfs, and {@link init}. */
async function makeInitramfs(system: System, image: ImageArtifacts, hostFiles: string): Promise<Uint8Array> {
  const { parts = [] } = parseManifest(await system.readText(image.manifestPath)) ?? {};
  const taken = parts.filter(({ name }) => name === "trim" || name === "drivers");
  const length = taken.reduce((sum, { sizeBytes }) => sum + sizeBytes + archivePaddingBytes(sizeBytes), 0);
  const place = "usr/lib/stiefelsystem";
  const files = (await readOverlay(system, `${hostFiles}/${place}`)).map(({ path, text, mode }) => (
    { kind: "file", path: `${place}${path}`, mode, content: encodeUtf8(text) } as const
  ));
  const rules = files.filter(({ path }) => path.endsWith(".rules")).map((file) => (
    { ...file, path: file.path.replace(place, "usr/lib/udev/rules.d") }
  ));
  const own = buildCpio([
    { kind: "directory", path: place, mode: 0o755 },
    { kind: "directory", path: `${place}/attach`, mode: 0o755 },
    ...files,
    ...rules,
    { kind: "file", path: "init", mode: 0o755, content: encodeUtf8(init) },
  ]);
  return concatenate([(await system.readFile(image.initrdPath)).subarray(0, length), own]);
}
