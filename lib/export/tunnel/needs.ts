/** What the laptop's end of a tunnel needs of the image. Data. */

export const tunnelNeeds = {
  // Only the program: wg-quick(8) would set up addresses and routes by itself.
  packages: { "wireguard-tools": ["usr/bin/wg"] },
  /** Relative to /lib/modules/VERSION/kernel, without ".ko". */
  kernelModules: ["drivers/net/wireguard/wireguard"],
} as const;

/**
 * What the desktop's end takes along from the image: its program with all that it is linked to (by the names that glibc
 * has for this architecture, whatever the release), and what each is called beside the session file.
 */
export const desktopTunnelPrograms: Readonly<Record<string, string>> = {
  wg: "/usr/bin/wg",
  "ld.so": "/lib64/ld-linux-x86-64.so.2",
  "libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6",
};

/** Where other distributions have them (Fedora, Arch); a client may run on a desktop's own Linux. */
export const otherLibraryPlaces: Readonly<Record<string, readonly string[]>> = {
  "libc.so.6": ["/lib64/libc.so.6", "/usr/lib/libc.so.6"],
};
