/**
 * initramfs-tools (Debian, Ubuntu before 25.10) as a step of setting up. Our hooks lie beside its configuration, so
 * that they are in no initramfs of the laptop; stiefel-initramfs puts both together.
 */

import type { GeneratorSetup } from "./generator.ts";
import { separateLayer } from "./separate_initramfs.ts";

export const initramfsTools: GeneratorSetup = {
  id: "initramfs-tools",
  // Not update-initramfs: dracut brings one, too (Debian since 107, Ubuntu since 25.10).
  programs: ["/usr/sbin/mkinitramfs"],
  layers: [separateLayer, "initramfs-tools"],
  ownLayers: ["initramfs-tools-own"],
  updateHooks: ["kernel-postinst", "initramfs-post-update"],
};
