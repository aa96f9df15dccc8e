/** What keeps the laptop's own network programs away from the stiefel link when the system runs on a desktop. Pure. */

import type { HostPath } from "./operation.ts";

/** The name that the initramfs gives the link (STIEFEL_LINK_NAME of the session). */
const linkName = "stiefel0";

export interface NetworkRule {
  readonly path: HostPath;
  readonly text: string;
  readonly why: string;
}

/**
 * A section of its own does not touch other "unmanaged-devices" settings (NetworkManager.conf(5), DEVICE SECTION). Of those that match the one that is read
 * last counts, but one whose name was read before keeps its place: no other file, not even ours in /run, may use this name.
 */
export const networkManagerRule: NetworkRule = {
  path: "/etc/NetworkManager/conf.d/90-stiefelsystem.conf",
  text: `# Installed by stiefelsystem: a desktop's root disk is behind this link.
[device-stiefelsystem]
match-device=interface-name:${linkName}
managed=0
`,
  why: "NetworkManager would take the link down that carries the root file system of a desktop",
};

/** Unmanaged links keep their addresses and routes (systemd.network(5)). */
export const networkdRule: NetworkRule = {
  path: "/etc/systemd/network/10-stiefelsystem.network",
  text: `# Installed by stiefelsystem: a desktop's root disk is behind this link.
[Match]
Name=${linkName}

[Link]
Unmanaged=yes
`,
  why: "systemd-networkd would change the addresses of the link that carries the root file system of a desktop",
};
