/** What try mode needs of the image, which lends a snapshot. Data. */

/** Makes and removes it: part of the image (image/initrd). */
export const LEND_SNAPSHOT_PATH = "/usr/lib/stiefelsystem/lend-snapshot";

/** What the server agent starts for it. */
export const snapshotNeeds = { programs: [LEND_SNAPSHOT_PATH, "dmsetup"] } as const;
