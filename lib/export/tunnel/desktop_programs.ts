/** What the desktop's end of a tunnel takes along: from the image, or from the Linux that a client runs on. */
import { UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import { desktopTunnelPrograms, otherLibraryPlaces } from "./needs.ts";

/** @throws {UserError} when one is nowhere */
export async function findTunnelPrograms(system: Pick<System, "stat">): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const [name, usual] of Object.entries(desktopTunnelPrograms)) {
    for (const path of [usual, ...otherLibraryPlaces[name] ?? []]) {
      if (!found.has(name) && await system.stat(path) !== undefined) found.set(name, path);
    }
    if (!found.has(name)) {
      throw new UserError(`"${usual}" is not there, which the encrypted link takes along`, {
        hints: name === "wg" ? ["It comes with the package wireguard-tools"] : [],
      });
    }
  }
  return found;
}
