/**
 * The initramfs that desktops get where the generator can keep it apart from the laptop's own: stiefel-initramfs
 * (image/host/separate-initramfs) builds it, together with a copy of the kernel it belongs to, under names that stay the same.
 */

import { type InitramfsBuild, type KernelTarget, separateInitramfs, separateKernel } from "./generator.ts";

/** Folder below image/host/ with the builder and the systemd units that go into the initramfs. */
export const separateLayer = "separate-initramfs";

export function buildSeparateInitramfs({ release, image }: KernelTarget): InitramfsBuild {
  return {
    argv: ["/usr/lib/stiefelsystem/stiefel-initramfs", "build", release, image],
    what: `build ${separateInitramfs}`,
    why: "A desktop boots with it and attaches the disk; the laptop's own initramfs stays as it is",
    outputs: [separateInitramfs, separateKernel].map((path) => ({
      directory: "/boot",
      startsWith: path.slice("/boot/".length),
      endsWith: "",
    })),
    undo: "nothing",
    bootsWith: { kernel: separateKernel, initramfs: separateInitramfs },
  };
}
