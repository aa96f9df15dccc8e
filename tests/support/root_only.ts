/** Places that only root may look into, as an ordinary user meets them. */

import type { System } from "../../lib/system/system.ts";

/**
 * The same system for a user whom these refuse: folders without permission to search, and files without permission to
 * read (stat(2), open(2): EACCES).
 */
export function withRootOnly(system: System, places: readonly string[]): System {
  const refuse = (path: string): Promise<never> =>
    Promise.reject(new Deno.errors.PermissionDenied(`Permission denied (os error 13): '${path}'`));
  const isInside = (path: string): boolean => places.some((place) => path.startsWith(`${place}/`));
  const isRead = (path: string): boolean => isInside(path) || places.includes(path);
  return {
    ...system,
    stat: (path) => isInside(path) ? refuse(path) : system.stat(path),
    lstat: (path) => isInside(path) ? refuse(path) : system.lstat(path),
    readLink: (path) => isInside(path) ? refuse(path) : system.readLink(path),
    realPath: (path) => isInside(path) ? refuse(path) : system.realPath(path),
    readDirectory: (path) => isRead(path) ? refuse(path) : system.readDirectory(path),
    readFile: (path) => isRead(path) ? refuse(path) : system.readFile(path),
    readText: (path) => isRead(path) ? refuse(path) : system.readText(path),
    openRead: (path, part) => isRead(path) ? refuse(path) : system.openRead(path, part),
  };
}
