/** dracut (Fedora, Gentoo, Ubuntu since 25.10, and where people choose it) as a step of setting up. */

import type { GeneratorSetup } from "./generator.ts";
import { separateLayer, unitsLayer } from "./separate_initramfs.ts";

export const dracut: GeneratorSetup = {
  id: "dracut",
  programs: ["/usr/bin/dracut", "/usr/sbin/dracut"],
  layers: [separateLayer, unitsLayer, "dracut"],
  ownLayers: ["dracut-own"],
  updateHooks: [],
};
