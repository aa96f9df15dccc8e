/** The Debian packages the image is made of. Data. */
import type { ArchitectureName } from "../architecture.ts";
import { transportNeeds } from "../export/needs.ts";
import { tunnelNeeds } from "../export/tunnel/needs.ts";

/** What lends the disk, with the paths that are taken of each. */
const exportPackages: Readonly<Record<string, readonly string[]>> = Object.assign(
  {},
  ...transportNeeds.map(({ server }) => server.packages),
  tunnelNeeds.packages,
);

/** What both roles need, whatever the configuration says; the kernel beside them. */
export const basePackages: readonly string[] = [
  "busybox",
  "kmod",
  "udev",
  "iproute2",
  ...Object.keys(exportPackages),
  "kexec-tools",
  "util-linux",
  "mount",
  "cryptsetup-bin",
  "dmsetup",
  "lvm2",
  // pthread_cancel of glibc loads it at run time; cryptsetup needs that for Argon2.
  "libgcc-s1",
];

/** Debian's kernel, of whatever version the suite has. */
export function kernelPackage(architecture: ArchitectureName): string {
  return `linux-image-${architecture}`;
}

/**
 * Packages that come as dependencies and are of no use here: they serve installing packages, building an initramfs, or
 * logging in; programs of coreutils are busybox's. Libraries are not listed: those that nothing needs are left out by
 * `shared_libraries.ts`.
 */
export const unneededPackages: readonly string[] = [
  "adduser",
  "coreutils",
  "cpio",
  "debconf",
  "dmeventd",
  "dpkg",
  "dracut-install",
  "initramfs-tools",
  "initramfs-tools-bin",
  "initramfs-tools-core",
  "klibc-utils",
  "libaudit-common",
  "libcap2-bin",
  "libklibc",
  "libpam-modules",
  "libpam-modules-bin",
  "libpam-runtime",
  "libsemanage-common",
  "linux-base",
  "logsave",
  "openssl-provider-legacy",
  "passwd",
  "systemd",
  "sysvinit-utils",
  "tar",
  // Its rule of udev sets the clock.
  "util-linux-extra",
];

/**
 * Packages of which only these paths are taken (patterns of glob.ts), because most of their programs have no use here.
 * A debugging image has them whole.
 */
export const partialPackages: Readonly<Record<string, readonly string[]>> = {
  "cryptsetup-bin": ["usr/sbin/cryptsetup"],
  dmsetup: ["usr/sbin/dmsetup", "usr/lib/udev/rules.d"],
  iproute2: ["usr/bin/ip", "usr/sbin/ip"],
  "kexec-tools": ["usr/sbin/kexec"],
  kmod: ["usr/bin", "usr/sbin", "usr/lib/modprobe.d"],
  // Not 69-lvm.rules: a served disk's volumes are activated by the agent, read-only, or not at all.
  lvm2: [
    "usr/sbin/lvm",
    "usr/sbin/lv*",
    "usr/sbin/vg*",
    "usr/sbin/pv*",
    "etc/lvm",
    "usr/lib/udev/rules.d/56-lvm.rules",
  ],
  "dnsmasq-base": ["usr/sbin/dnsmasq"],
  mount: ["usr/bin/mount", "usr/bin/umount", "usr/sbin/losetup"],
  ...exportPackages,
  udev: [
    "usr/bin/udevadm",
    "usr/lib/systemd/systemd-udevd",
    "usr/lib/udev/ata_id",
    "usr/lib/udev/cdrom_id",
    "usr/lib/udev/scsi_id",
    ...[
      "50-firmware",
      "50-udev-default",
      "60-block",
      "60-cdrom_id",
      "60-persistent-storage",
      "60-persistent-storage-dm",
      "64-btrfs",
      "80-drivers",
    ].map((name) => `usr/lib/udev/rules.d/${name}.rules`),
  ],
  "util-linux": [
    ...["dmesg", "findmnt", "flock", "lsblk", "nsenter", "setpriv", "unshare"].map((name) => `usr/bin/${name}`),
    ...["blkid", "blockdev", "wipefs"].map((name) => `usr/sbin/${name}`),
  ],
};

/** DHCP and TFTP for desktops that start over the network (`netboot.links`). */
export const netbootPackages: readonly string[] = ["dnsmasq-base"];
