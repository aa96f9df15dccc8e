/** Where GRUB's configuration is. */

import type { BootFiles } from "./entry.ts";

const beside = ["grub/grub.cfg", "grub2/grub.cfg"] as const;

/**
 * On an EFI partition each distribution has a directory of its own. Ubuntu and Debian keep a small script there that
 * leads to the real one; the whole menu is there in RHEL and CentOS 7 and 8, and Fedora before 34.
 */
const efiDirectory = "/EFI";

/** @param directory that may be /boot: "" for the top of the partition */
export async function listGrubConfigs(files: BootFiles, directory: string): Promise<readonly string[]> {
  const possible = beside.map((name) => `${directory}/${name}`);
  if (directory === "") {
    const vendors = await files.list(efiDirectory);
    possible.push(...vendors.slice(0, 64).map((vendor) => `${efiDirectory}/${vendor}/grub.cfg`));
  }
  const existing: string[] = [];
  for (const path of possible) if (await files.exists(path)) existing.push(path);
  return existing;
}

export function isOfEfi(path: string): boolean {
  return path.startsWith(`${efiDirectory}/`);
}
