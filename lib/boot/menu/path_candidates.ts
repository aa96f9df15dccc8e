/** Where a path of a boot configuration may be. Pure. */

/**
 * Seen from the partition's top: boot loaders name files relative to their partition, people and the original's
 * configuration relative to the root file system or to /boot.
 */
export function pathCandidates(directory: string, path: string): readonly string[] {
  const absolute = `/${path.replace(/^\/+/, "")}`;
  const root = directory.replace(/\/boot$/, "");
  const inBoot = absolute.replace(/^\/boot\//, "/");
  return [
    ...new Set([absolute, `${directory}${absolute}`, `${root}${absolute}`, inBoot, `${directory}${inBoot}`]),
  ];
}
