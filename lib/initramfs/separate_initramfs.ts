/**
 * The initramfs that desktops get: stiefel-initramfs (image/host/separate-initramfs) builds it beside the laptop's
 * own, together with a copy of the kernel it belongs to, under names that stay the same.
 */

import { type KernelTarget, separateInitramfs, separateKernel } from "./generator.ts";

/** Folder below image/host/ with the builder. */
export const separateLayer = "separate-initramfs";

/** Folder below image/host/ with the units of an initramfs that has systemd. */
export const unitsLayer = "initramfs-units";

/**
 * Names of the files in /etc/stiefelsystem that it writes: what it found out about the laptop (stiefel-laptop), and
 * why it could not build.
 */
export const recordOutputs: readonly string[] = ["laptop", "pair-failed"];

/** What stiefel-laptop has found out about the laptop; lines KEY=value, see its header. */
export const laptopRecordPath = "/etc/stiefelsystem/laptop";

/** There while the last build has failed; its text is the reason. */
export const failedBuildPath = "/etc/stiefelsystem/pair-failed";

/** The command that builds both. */
export function buildSeparateInitramfs({ release, image }: KernelTarget): readonly string[] {
  return ["/usr/lib/stiefelsystem/stiefel-initramfs", "build", release, image];
}

/** Names of the files in /boot that it writes. */
export const separateOutputs: readonly string[] = [separateInitramfs, separateKernel].map((path) =>
  path.slice("/boot/".length)
);
