/** mkinitcpio (Arch) as a step of setting up. */

import type { GeneratorSetup } from "./generator.ts";
import { separateLayer, unitsLayer } from "./separate_initramfs.ts";

export const mkinitcpio: GeneratorSetup = {
  id: "mkinitcpio",
  programs: ["/usr/bin/mkinitcpio"],
  layers: [separateLayer, unitsLayer, "mkinitcpio"],
  ownLayers: ["mkinitcpio-own"],
  updateHooks: [],
};
