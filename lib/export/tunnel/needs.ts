/** What the laptop's end of a tunnel needs of the image. Data. */

export const tunnelNeeds = {
  // Only the program: wg-quick(8) would set up addresses and routes by itself.
  packages: { "wireguard-tools": ["usr/bin/wg"] },
  /** Relative to /lib/modules/VERSION/kernel, without ".ko". */
  kernelModules: ["drivers/net/wireguard/wireguard"],
} as const;
