/** mkinitcpio (Arch) as a step of setting up. */

import { type GeneratorSetup, separateInitramfs } from "./generator.ts";

/** Reads the system's own /etc/mkinitcpio.conf, adds our hook and takes "autodetect" out, which would leave other machines' drivers away. */
export const mkinitcpioConfigPath = "/etc/stiefelsystem/mkinitcpio.conf";

export const mkinitcpio: GeneratorSetup = {
  id: "mkinitcpio",
  programs: ["/usr/bin/mkinitcpio"],
  layer: "mkinitcpio",
  isSeparate: true,
  build: ({ image }) => ({
    argv: [
      "mkinitcpio",
      ...["--config", mkinitcpioConfigPath],
      ...["--kernel", image],
      ...["--generate", separateInitramfs],
    ],
    what: `build ${separateInitramfs}`,
    why: "A desktop boots with it and attaches the disk; the laptop's own initramfs stays as it is",
    outputs: [{ directory: "/boot", startsWith: "initramfs-stiefel.img", endsWith: "" }],
    undo: "nothing",
    bootsWith: { kernel: image, initramfs: separateInitramfs },
  }),
};
