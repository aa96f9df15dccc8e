/** How much can be handed over to the image without running out of memory, here or there. Pure. */

/** Everything the running system has a say in, in bytes. */
export interface MemoryFacts {
  readonly totalBytes: number;
  /** What can be had without swapping. */
  readonly availableBytes: number;
  /** The image's own. */
  readonly kernelBytes: number;
  readonly initrdBytes: number;
  /** Kernel and initramfs for desktops; 0 where there are none to hand over. */
  readonly pairBytes: number;
  /** The image's kernel keeps what it was started with, and its agent copies its own part of it (`retain_initrd`). */
  readonly isInitrdKept?: boolean;
}

/**
 * "everything": with kernel and initramfs; "description": disk and command line only; "nothing": the image's initrd as
 * it lies on the disk.
 */
export type HandoverExtent = "everything" | "description" | "nothing";

const MiB = 1024 * 1024;

/** Left over for the programs that run until the shutdown. */
const reserveBytes = 64 * MiB;

/**
 * What a server is comfortable with: the image unpacked, its agent, the export. (It starts with less: `minimumRamMiB`
 * of bench.)
 */
const imageBytes = 512 * MiB;

/** The extents that fit, the largest first; "nothing" always does as far as this function knows. */
export function listExtents(facts: MemoryFacts): readonly HandoverExtent[] {
  const { totalBytes, availableBytes, kernelBytes, initrdBytes, pairBytes } = facts;
  const fits = (extraBytes: number): boolean => {
    // The initrd is put together in a RAM disk, kexec(8) reads it, and the kernel keeps it until the restart; of the
    // kernel there are two.
    const here = 3 * (initrdBytes + extraBytes) + 2 * kernelBytes + reserveBytes;
    // kernel/kexec_core.c, sanity_check_segment_list: kexec takes no more than half of the memory.
    const half = kernelBytes + initrdBytes + extraBytes;
    // In the image it is there once more until it is unpacked.
    const kept = facts.isInitrdKept ? 2 * initrdBytes : 0;
    const there = imageBytes + 2 * extraBytes + kept;
    return here <= availableBytes && half <= totalBytes / 2 && there <= totalBytes;
  };
  return [
    ...pairBytes > 0 && fits(pairBytes) ? ["everything"] as const : [],
    ...fits(0) ? ["description"] as const : [],
    "nothing",
  ];
}
