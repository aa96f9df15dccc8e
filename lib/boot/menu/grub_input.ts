/** What a grub.cfg is evaluated with. */

import type { GrubPartition } from "./grub_devices.ts";
import type { FileAnswers } from "./grub_files.ts";

export interface GrubInput {
  /** Path of the configuration: "/boot/grub/grub.cfg". */
  readonly path: string;
  /** The directory that is /boot, of the same partition: "", "/boot", "/@/boot". */
  readonly bootDirectory: string;
  /** The first is the one with the configuration. */
  readonly partitions: readonly GrubPartition[];
  /** What was found out about files. The evaluator asks for more in `GrubResult.open`. */
  readonly answers: FileAnswers;
}
