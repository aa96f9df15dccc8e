import { basicPackages, type Distribution } from "./distribution.ts";

export const fedora: Distribution = {
  id: "fedora",
  name: "Fedora",
  osReleaseIds: ["fedora"],
  generators: ["dracut"],
  packages: {
    "nbd-client": "nbd",
    ip: "iproute",
    kexec: "kexec-tools",
    gpgv: "gnupg2",
    ...basicPackages({ coreutils: "coreutils", mount: "util-linux", kmod: "kmod", udev: "systemd-udev" }),
  },
  installCommand: ["dnf", "install"],
  kernelHooks: ["kernel-install"],
  // With systemd-boot kernels are on the ESP only, and this copy is what kernel-install(8) takes.
  kernelImages: ["/boot/vmlinuz-{release}", "/usr/lib/modules/{release}/vmlinuz"],
};
