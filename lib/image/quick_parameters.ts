/**
 * Parameters of the image's kernel beside the role (doc/image.md). Data; pure.
 */
import { type ArchitectureName, usualArchitecture } from "../architecture.ts";

/** The kernel prints only warnings, and leaves out what is of no use here. */
export const imageParameters: readonly string[] = [
  "loglevel=6",
  "cryptomgr.notests",
  "initcall_blacklist=init_encrypted,jent_mod_init",
];

/** A desktop runs no programs but ours, and those for seconds: pages it is about to fill are not cleared before. */
export const desktopParameters: readonly string[] = ["init_on_alloc=0", ...imageParameters];

/** A desktop of another architecture than the usual one, too. */
export function desktopParametersFor(architecture: ArchitectureName = usualArchitecture): readonly string[] {
  // Where a processor has addresses of 52 bits (LPA2), Linux 6.12 fails in kexec_load(2): trans_pgd_create_copy.
  return architecture === "arm64" ? [...desktopParameters, "arm64.nolva"] : desktopParameters;
}
