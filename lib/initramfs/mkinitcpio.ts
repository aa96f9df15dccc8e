/** mkinitcpio (Arch) as a step of setting up. */

import type { GeneratorSetup } from "./generator.ts";
import { buildSeparateInitramfs, separateLayer } from "./separate_initramfs.ts";

export const mkinitcpio: GeneratorSetup = {
  id: "mkinitcpio",
  programs: ["/usr/bin/mkinitcpio"],
  layers: [separateLayer, "mkinitcpio"],
  isSeparate: true,
  build: buildSeparateInitramfs,
};
