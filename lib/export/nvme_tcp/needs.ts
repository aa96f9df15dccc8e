/** What lending by NVMe/TCP needs. Data. */

/** Sets up the kernel's target: part of the image (image/initrd). */
export const LEND_NVME_PATH = "/usr/lib/stiefelsystem/lend-nvme";

export const nvmeTcpNeeds = {
  name: "nvme-tcp",
  server: {
    packages: {},
    kernelModules: ["drivers/nvme/target/nvmet-tcp"],
    // nvme_export.ts; every agent has cat, which reads the kernel's log
    programs: [LEND_NVME_PATH, "sync"],
  },
  desktop: { device: "/dev/nvme", hasCommonNames: true },
} as const;
