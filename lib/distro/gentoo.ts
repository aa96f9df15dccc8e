import { basicPackages, type Distribution } from "./distribution.ts";

export const gentoo: Distribution = {
  id: "gentoo",
  name: "Gentoo",
  osReleaseIds: ["gentoo"],
  generators: ["dracut"],
  packages: {
    // With USE=netlink, which is what reaches the kernel without a process in the way.
    "nbd-client": "sys-block/nbd",
    ip: "sys-apps/iproute2",
    kexec: "sys-apps/kexec-tools",
    bsdtar: "app-arch/libarchive",
    debootstrap: "dev-util/debootstrap",
    gpgv: "app-crypt/gnupg",
    perl: "dev-lang/perl",
    tar: "app-arch/tar",
    wget: "net-misc/wget",
    xz: "app-arch/xz-utils",
    zstd: "app-arch/zstd",
    ...basicPackages({
      coreutils: "sys-apps/coreutils",
      mount: "sys-apps/util-linux",
      kmod: "sys-apps/kmod",
      udev: "virtual/udev",
    }),
  },
  installCommand: ["emerge", "--ask"],
  // installkernel runs either one, depending on its USE flag systemd.
  kernelHooks: ["kernel-postinst", "kernel-install"],
  // installkernel (v68): kernel-RELEASE with its USE flag "systemd" and layout grub, vmlinuz-RELEASE without.
  kernelImages: [
    ...["/boot/vmlinuz-{release}", "/boot/kernel-{release}"],
    ...["/usr/lib/modules/{release}/vmlinuz", "/lib/modules/{release}/vmlinuz"],
    // In the EFI system partition only: layouts "bls" and "efistub".
    ...["/efi", "/boot", "/boot/efi"].flatMap((esp) => [
      `${esp}/*/{release}/linux`,
      `${esp}/EFI/*/vmlinuz-{release}.efi`,
      `${esp}/EFI/*/kernel-{release}.efi`,
    ]),
  ],
};
