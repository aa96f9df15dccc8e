/** What the disk of a storage system needs, which lends it itself: nothing of the laptop. Data. */

export const nvmeEngineNeeds = {
  name: "nvme-engine",
  server: { packages: {}, kernelModules: [], programs: [] },
  desktop: { device: "/dev/nvme", hasCommonNames: true },
} as const;
