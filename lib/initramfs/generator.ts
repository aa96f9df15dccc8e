/** What setting up has to know of an initramfs generator. */

export type GeneratorId = "initramfs-tools" | "dracut" | "mkinitcpio";

/** The kernel that a desktop shall boot. */
export interface KernelTarget {
  /** `uname -r` of it. */
  readonly release: string;
  /** Absolute path of its image. */
  readonly image: string;
}

export interface GeneratorSetup {
  readonly id: GeneratorId;
  /** A system has the generator when one of these is there. */
  readonly programs: readonly string[];
  /** Folders below image/host/ with what is installed for it. */
  readonly layers: readonly string[];
  /**
   * Folders below image/host/ with what makes the laptop's own initramfs fit the laptop when it is built on a desktop.
   */
  readonly ownLayers: readonly string[];
  /**
   * Folders below image/host/ with the hooks that the generator's distributions call: when a kernel comes or goes, and
   * when the generator has built another initramfs.
   */
  readonly updateHooks: readonly string[];
}

/**
 * A separate initramfs has this name. Boot loaders' own tools take only names with a kernel version in them: it is no
 * entry of the laptop.
 */
export const separateInitramfs = "/boot/initramfs-stiefel.img";

/** The kernel it belongs to. GRUB would make entries of files named "vmlinuz-" and "kernel-" (its 10_linux). */
export const separateKernel = "/boot/linux-stiefel";
