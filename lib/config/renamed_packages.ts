/** Debian packages that configurations of the original name and the suites of today no longer have. */

const RENAMED: ReadonlyMap<string, string> = new Map([
  // mlocate's last suite is bookworm, where it installs plocate already.
  ["mlocate", "plocate"],
]);

/** @returns the name of the package that took the place of `name`, or `name` itself */
export function currentPackageName(name: string): string {
  return RENAMED.get(name) ?? name;
}
