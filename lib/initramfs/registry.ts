/**
 * The initramfs generators, one data file each. Adding one: that file, its line here, its files in image/host/. Pure.
 */

import { dracut } from "./dracut.ts";
import type { GeneratorId, GeneratorSetup } from "./generator.ts";
import { initramfsTools } from "./initramfs_tools.ts";
import { mkinitcpio } from "./mkinitcpio.ts";

export const generators: Readonly<Record<GeneratorId, GeneratorSetup>> = {
  "initramfs-tools": initramfsTools,
  dracut,
  mkinitcpio,
};

/**
 * Folders below image/host/ with what makes the laptop's own initramfs fit the laptop, whichever of these generators
 * builds it.
 */
export function ownLayers(installed: readonly GeneratorId[]): readonly string[] {
  return installed.flatMap((id) => generators[id].ownLayers);
}

/**
 * Folders below image/host/ with the hooks that have the initramfs of desktops built anew.
 * @param distribution undefined where it is not known; then only the generator's own
 */
export function hookLayers(
  generator: GeneratorId,
  distribution: { readonly kernelHooks: readonly string[] } | undefined,
): readonly string[] {
  return [...new Set([...generators[generator].updateHooks, ...distribution?.kernelHooks ?? []])];
}
