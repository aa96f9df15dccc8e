/** What setting up has to know of an initramfs generator. */

export type GeneratorId = "initramfs-tools" | "dracut" | "mkinitcpio";

/** The kernel that a desktop shall boot. */
export interface KernelTarget {
  /** `uname -r` of it. */
  readonly release: string;
  /** Absolute path of its image. */
  readonly image: string;
}

/** How the initramfs that desktops get is built. */
export interface InitramfsBuild {
  readonly argv: readonly string[];
  readonly what: string;
  readonly why: string;
  /** Files it writes: their directory, and how their names start and end. */
  readonly outputs: readonly { readonly directory: string; readonly startsWith: string; readonly endsWith: string }[];
  /** "repeat": the laptop's own initramfs is built again after an undo. "nothing": it only made files of our own, which go. */
  readonly undo: "repeat" | "nothing";
  /** What /boot/stiefelsystem.json names; absent: the desktop boots what the laptop's own boot loader would. */
  readonly bootsWith?: { readonly kernel: string; readonly initramfs: string };
}

export interface GeneratorSetup {
  readonly id: GeneratorId;
  /** A system has the generator when one of these is there. */
  readonly programs: readonly string[];
  /** Folders below image/host/ with what is installed for it. */
  readonly layers: readonly string[];
  /** The laptop's own initramfs stays as it is. */
  readonly isSeparate: boolean;
  build(kernel: KernelTarget): InitramfsBuild;
}

/** A separate initramfs has this name. Boot loaders' own tools take only names with a kernel version in them: it is no entry of the laptop. */
export const separateInitramfs = "/boot/initramfs-stiefel.img";

/** The kernel it belongs to. GRUB would make entries of files named "vmlinuz-" and "kernel-" (its 10_linux). */
export const separateKernel = "/boot/linux-stiefel";
