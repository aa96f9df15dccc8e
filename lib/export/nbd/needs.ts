/** What lending by NBD needs. Data. */

/** The program that runs nbdkit and keeps its log for the agent after this one: part of the image (image/initrd). */
export const RUN_NBDKIT_PATH = "/usr/lib/stiefelsystem/run-nbdkit";

const filters = [
  "blocksize",
  "blocksize-policy",
  "exitlast",
  "exitwhen",
  "exportname",
  "fua",
  "ip",
  "limit",
  "log",
  "multi-conn",
  "readahead",
] as const;

export const nbdNeeds = {
  name: "nbd",
  server: {
    packages: {
      nbdkit: [
        "usr/bin/nbdkit",
        "usr/sbin/nbdkit",
        "usr/lib/*/nbdkit/plugins/nbdkit-file-plugin.so",
        ...filters.map((name) => `usr/lib/*/nbdkit/filters/nbdkit-${name}-filter.so`),
      ],
    },
    kernelModules: ["drivers/block/nbd"],
    programs: [
      // nbd_export.ts
      RUN_NBDKIT_PATH,
      "sync",
      // of an agent that has failed: nbdkit_process.ts
      "kill",
      "pidof",
    ],
  },
  desktop: {
    builtWith: {
      program: "nbd-client",
      // It speaks netlink through this library; without netlink it would have to stay as a process.
      bytes: "libnl-genl-3",
      lack: "nbd-client is built without netlink",
      cure: "Install one that has it (Gentoo: USE=netlink)",
    },
    device: "/dev/nbd",
  },
} as const;
