/** What the laptop's end of a tunnel needs of the image. Data. */
import { architectures } from "../../architecture.ts";

const { amd64, arm64 } = architectures;

export const tunnelNeeds = {
  // Only the program: wg-quick(8) would set up addresses and routes by itself.
  packages: { "wireguard-tools": ["usr/bin/wg"] },
  /** Relative to /lib/modules/VERSION/kernel, without ".ko". */
  kernelModules: ["drivers/net/wireguard/wireguard"],
} as const;

/**
 * What the desktop's end takes along from the image: its program with all that it is linked to (by the names that glibc
 * has for amd64, whatever the release), and what each is called beside the session file.
 */
export const desktopTunnelPrograms: Readonly<Record<string, string>> = {
  wg: "/usr/bin/wg",
  "ld.so": amd64.dynamicLoader,
  "libc.so.6": `/lib/${amd64.triplet}/libc.so.6`,
};

/**
 * Where an image for arm64 has them, and other distributions (Fedora, Arch): a client may run on a desktop's own Linux.
 */
export const otherLibraryPlaces: Readonly<Record<string, readonly string[]>> = {
  "ld.so": [arm64.dynamicLoader],
  "libc.so.6": [`/lib/${arm64.triplet}/libc.so.6`, "/lib64/libc.so.6", "/usr/lib/libc.so.6"],
};
