/** What keeps the laptop's own network programs away from the stiefel link when the system runs on a desktop. Pure. */

import { STIEFEL_LINK_NAME } from "../protocol/session.ts";
import type { HostPath } from "./host_path.ts";

export interface NetworkRule {
  readonly path: HostPath;
  readonly text: string;
  readonly why: string;
}

/**
 * A section of its own does not touch other "unmanaged-devices" settings (NetworkManager.conf(5), DEVICE SECTION). Of
 * those that match the one that is read last counts, but one whose name was read before keeps its place: no other
 * file, not even ours in /run, may use this name.
 */
export const networkManagerRule: NetworkRule = {
  path: "/etc/NetworkManager/conf.d/90-stiefelsystem.conf",
  text: `# Installed by stiefelsystem: a desktop's root disk is behind this link.
[device-stiefelsystem]
match-device=interface-name:${STIEFEL_LINK_NAME}
managed=0
`,
  why: "NetworkManager would take the link down that carries the root file system of a desktop",
};

/** Unmanaged links keep their addresses and routes (systemd.network(5)). */
export const networkdRule: NetworkRule = {
  path: "/etc/systemd/network/10-stiefelsystem.network",
  text: `# Installed by stiefelsystem: a desktop's root disk is behind this link.
[Match]
Name=${STIEFEL_LINK_NAME}

[Link]
Unmanaged=yes
`,
  why: "systemd-networkd would change the addresses of the link that carries the root file system of a desktop",
};
