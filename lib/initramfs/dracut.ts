/** dracut (Fedora, Gentoo, Ubuntu since 25.10, and where people choose it) as a step of setting up. */

import { type GeneratorSetup, separateInitramfs } from "./generator.ts";

export const dracut: GeneratorSetup = {
  id: "dracut",
  programs: ["/usr/bin/dracut", "/usr/sbin/dracut"],
  layer: "dracut",
  isSeparate: true,
  build: ({ release, image }) => ({
    argv: [
      "dracut",
      "--force", // over what an earlier run made
      "--no-hostonly", // with drivers for other machines than this one
      ...["--add", "stiefelsystem"], // our module is in no other initramfs
      ...["--kver", release],
      separateInitramfs,
    ],
    what: `build ${separateInitramfs}`,
    why: "A desktop boots with it and attaches the disk; the laptop's own initramfs stays as it is",
    outputs: [{ directory: "/boot", startsWith: "initramfs-stiefel.img", endsWith: "" }],
    undo: "nothing",
    bootsWith: { kernel: image, initramfs: separateInitramfs },
  }),
};
