/** The initramfs generators, one data file each. Adding one: that file, its line here, its files in image/host/. Pure. */

import { dracut } from "./dracut.ts";
import type { GeneratorId, GeneratorSetup } from "./generator.ts";
import { initramfsToolsSetup } from "./initramfs_tools_setup.ts";
import { mkinitcpio } from "./mkinitcpio.ts";

export const generators: Readonly<Record<GeneratorId, GeneratorSetup>> = {
  "initramfs-tools": initramfsToolsSetup,
  dracut,
  mkinitcpio,
};
