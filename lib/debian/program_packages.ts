/** In which Debian package a program comes. Data and a pure function. */
import { aavmf, ovmf } from "./ovmf.ts";

/** Program, or path of another file, to Debian package; the same names on Ubuntu and other descendants. */
const packageOf: ReadonlyMap<string, string> = new Map([
  [ovmf.secureBootCode, ovmf.package],
  [aavmf.secureBootCode, aavmf.package],
  ["/usr/share/bash-completion/bash_completion", "bash-completion"],
  ["bsdtar", "libarchive-tools"],
  ["busybox", "busybox"],
  ["cpio", "cpio"],
  ["curl", "curl"],
  ["dash", "dash"],
  ["debootstrap", "debootstrap"],
  ["debugfs", "e2fsprogs"],
  ["depmod", "kmod"],
  ["dnsmasq", "dnsmasq-base"],
  ["fish", "fish"],
  ["git", "git"],
  ["gpgv", "gpgv"],
  ["ip", "iproute2"],
  ["losetup", "mount"],
  ["lsblk", "util-linux"],
  ["man", "man-db"],
  ["mandoc", "mandoc"],
  ["mkfs.ext4", "e2fsprogs"],
  ["mkfs.vfat", "dosfstools"],
  ["mmd", "mtools"],
  ["mmdebstrap", "mmdebstrap"],
  ["nbdinfo", "libnbd-bin"],
  ["nbdkit", "nbdkit"],
  ["newuidmap", "uidmap"],
  ["osslsigncode", "osslsigncode"],
  ["perl", "perl"],
  ["ping", "iputils-ping"],
  ["qemu-system-aarch64", "qemu-system-arm"],
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["qemu-io", "qemu-utils"],
  ["script", "bsdutils"],
  ["sfdisk", "fdisk"],
  ["shellcheck", "shellcheck"],
  ["systemd-nspawn", "systemd-container"],
  ["sysctl", "procps"],
  ["tar", "tar"],
  ["tmux", "tmux"],
  ["kexec", "kexec-tools"],
  ["wg", "wireguard-tools"],
  ["wget", "wget"],
  ["wireguard-go", "wireguard-go"],
  ["nft", "nftables"],
  ["xz", "xz-utils"],
  ["zsh", "zsh"],
  ["zstd", "zstd"],
]);

/**
 * The packages for these programs, sorted. Pure.
 * @throws {TypeError} when the table does not know one
 */
export function packagesFor(programs: readonly string[]): readonly string[] {
  const packages = programs.map((program) => {
    const packageName = packageOf.get(program);
    if (packageName === undefined) throw new TypeError(`No Debian package is known for the program "${program}"`);
    return packageName;
  });
  return [...new Set(packages)].sort();
}
