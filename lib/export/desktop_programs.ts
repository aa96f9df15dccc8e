/**
 * What a desktop takes along beside the session file, so that the laptop need not have it: programs with all that they
 * are linked to, from the image, or from the Linux that a client runs on; and what each is called there.
 */
import { architectures } from "../architecture.ts";
import type { SessionParameters } from "../protocol/session_groups.ts";
import type { System } from "../system/system.ts";
import { findTunnelPrograms } from "./tunnel/desktop_programs.ts";
import { desktopTunnelPrograms, otherLibraryPlaces as otherGlibcPlaces } from "./tunnel/needs.ts";

const { amd64, arm64 } = architectures;
const { wg: _wg, ...glibc } = desktopTunnelPrograms;

/** For the question whether a DHCP server answers on the cable: stiefel-network, on the desktop. */
export const desktopNetworkPrograms: Readonly<Record<string, string>> = {
  ...glibc,
  busybox: "/usr/bin/busybox",
  "libresolv.so.2": `/lib/${amd64.triplet}/libresolv.so.2`,
};

/** Where an image for arm64 has them, and other distributions (Fedora, Arch). */
export const otherLibraryPlaces: Readonly<Record<string, readonly string[]>> = {
  ...otherGlibcPlaces,
  "libresolv.so.2": [`/lib/${arm64.triplet}/libresolv.so.2`, "/lib64/libresolv.so.2", "/usr/lib/libresolv.so.2"],
};

/** All that any session may have, by name. */
export const allDesktopPrograms: Readonly<Record<string, string>> = {
  ...desktopTunnelPrograms,
  ...desktopNetworkPrograms,
};

type Session = Pick<SessionParameters, "tunnel">;

/** In the image. */
export function listDesktopPrograms({ tunnel }: Session): Readonly<Record<string, string>> {
  return tunnel === undefined ? desktopNetworkPrograms : allDesktopPrograms;
}

/**
 * Where each is here. @throws {UserError} when one is nowhere that the session cannot do without; of what is for the
 * desktop's own network all is left out then
 */
export async function findDesktopPrograms(
  system: Pick<System, "stat">,
  session: Session,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map(session.tunnel === undefined ? [] : await findTunnelPrograms(system));
  const network = new Map<string, string>();
  for (const [name, usual] of Object.entries(desktopNetworkPrograms)) {
    for (const path of [usual, ...otherLibraryPlaces[name] ?? []]) {
      if (!network.has(name) && await system.stat(path) !== undefined) network.set(name, path);
    }
    if (!network.has(name)) return found;
  }
  return new Map([...found, ...network]);
}
