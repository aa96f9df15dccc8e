import { basicPackages, type Distribution } from "./distribution.ts";

export const debian: Distribution = {
  id: "debian",
  name: "Debian",
  osReleaseIds: ["debian", "raspbian"],
  generators: ["initramfs-tools", "dracut"],
  packages: {
    "nbd-client": "nbd-client",
    ip: "iproute2",
    kexec: "kexec-tools",
    ...basicPackages({ coreutils: "coreutils", mount: "mount", kmod: "kmod", udev: "udev" }),
  },
  installCommand: ["apt-get", "install"],
  // The second is called with either generator.
  kernelHooks: ["kernel-postinst", "initramfs-post-update"],
  kernelImages: ["/boot/vmlinuz-{release}"],
};
