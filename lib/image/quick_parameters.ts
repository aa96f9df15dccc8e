/**
 * Parameters of the image's kernel beside the role (doc/image.md). Data.
 */

/** The kernel prints only warnings, and leaves out what is of no use here. */
export const imageParameters: readonly string[] = [
  "loglevel=6",
  "cryptomgr.notests",
  "initcall_blacklist=init_encrypted,jent_mod_init",
];

/**
 * On a laptop, keys and passphrases do not outlive who had them: memory is cleared when it is given back
 * (doc/decisions/0042).
 */
export const laptopParameters: readonly string[] = ["init_on_free=1"];

/** A desktop runs no programs but ours, and those for seconds: pages it is about to fill are not cleared before. */
export const desktopParameters: readonly string[] = ["init_on_alloc=0", ...imageParameters];
