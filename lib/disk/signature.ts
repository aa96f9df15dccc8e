/** What is on a block device, by its own bytes: lsblk(8) repeats what udev saw some time ago. */

import type { System } from "../system/system.ts";

export interface Signature {
  /** As libblkid names it: "ext4", "btrfs", "vfat", "crypto_LUKS", "LVM2_member", "swap", "swsuspend", … */
  readonly type: string;
  readonly uuid?: string;
  readonly label?: string;
}

/** @returns undefined for an empty, unknown or ambiguous device. Runs `blkid`. */
export async function probeSignature(system: System, device: string): Promise<Signature | undefined> {
  // blkid(8): 2 is "nothing found", 8 "several contradicting signatures".
  const { exitCode, stdout } = await system.run(["blkid", "--probe", "--output", "export", device], {
    acceptExitCodes: [0, 2, 8],
    timeoutMs: 30_000,
  });
  return exitCode === 0 ? parseBlkidExport(stdout) : undefined;
}

/** @param text `KEY=value` lines; blanks and special bytes in values are escaped by a backslash */
export function parseBlkidExport(text: string): Signature | undefined {
  const fields = new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1).replaceAll(/\\(.)/g, "$1")] as const;
    }),
  );
  const type = fields.get("TYPE");
  if (type === undefined) return undefined;
  const [uuid, label] = [fields.get("UUID"), fields.get("LABEL")];
  return { type, ...(uuid === undefined ? {} : { uuid }), ...(label === undefined ? {} : { label }) };
}
