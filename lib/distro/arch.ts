import { basicPackages, type Distribution } from "./distribution.ts";

export const arch: Distribution = {
  id: "arch",
  name: "Arch Linux",
  osReleaseIds: ["arch", "archarm"],
  generators: ["mkinitcpio", "dracut"],
  packages: {
    "nbd-client": "nbd",
    ip: "iproute2",
    kexec: "kexec-tools",
    bsdtar: "libarchive",
    gpgv: "gnupg",
    ...basicPackages({ coreutils: "coreutils", mount: "util-linux", kmod: "kmod", udev: "systemd" }),
  },
  installCommand: ["pacman", "-S"],
  kernelHooks: ["pacman"],
  // The name stays the same over kernel updates: linux, linux-lts, linux-zen, …
  kernelImages: ["/boot/vmlinuz-{base}", "/usr/lib/modules/{release}/vmlinuz"],
};
