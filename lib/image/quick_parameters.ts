/**
 * Parameters of the image's kernel beside the role (doc/image.md). Data.
 */

/** The kernel prints only warnings, and leaves out what is of no use here. */
export const imageParameters: readonly string[] = [
  "loglevel=6",
  "cryptomgr.notests",
  "initcall_blacklist=init_encrypted,jent_mod_init",
];

/** A desktop runs no programs but ours, and those for seconds: pages it is about to fill are not cleared before. */
export const desktopParameters: readonly string[] = ["init_on_alloc=0", ...imageParameters];
