/** The unit of the autokexec agent on the laptop. Pure. */

import { JOIN_DIRECTORY } from "../formats/handover.ts";
import { standardPath } from "../system/system.ts";
import type { HostPath } from "./host_path.ts";

export const autokexecUnit = "stiefel-autokexec.service";
export const autokexecUnitPath: HostPath = `/etc/systemd/system/${autokexecUnit}`;

/** @param command program and arguments; the program an absolute path */
export function formatAutokexecUnit(command: readonly string[]): string {
  return `# Installed by stiefelsystem.
[Unit]
Description=Turn this machine into a stiefelsystem server when a desktop asks
# Not on a desktop: there the disk is in use already.
ConditionPathExists=!/run/stiefelsystem/session.state
ConditionPathExists=/etc/stiefelsystem/aes-key
After=network.target

[Service]
ExecStart=${command.map(quoteWord).join(" ")}
Restart=on-failure
RestartSec=10
# Settings or a key that cannot be used: only setup-server puts that right.
RestartPreventExitStatus=2
# Long enough to take the loaded kernel out again and to say so.
TimeoutStopSec=60
# The order in which the agent looks for programs, also where /usr/sbin is a link.
Environment=PATH=${standardPath}
# What Deno keeps goes with the service.
RuntimeDirectory=stiefel-autokexec
Environment=DENO_DIR=/run/stiefel-autokexec DENO_NO_UPDATE_CHECK=1
# The agent puts the image and what it hands over together in memory that nothing else sees; it counts before how much
# it takes.
TemporaryFileSystem=${JOIN_DIRECTORY}:mode=0700,size=4G
# It answers the network, raises network cards, tells people on terminals and in desktop sessions, and restarts the
# machine: no more. Not "yes": the sessions' message buses are below /run/user.
ProtectHome=read-only
ProtectSystem=strict
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# But a card that it raises heeds no routers. Not there without IPv6.
ReadWritePaths=-/proc/sys/net/ipv6/conf
ProtectControlGroups=yes
ProtectHostname=yes
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/**
 * systemd.service(5), COMMAND LINES and systemd.unit(5), SPECIFIERS: "%" and "$" are doubled, quotes and backslashes
 * escaped.
 */
function quoteWord(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, "\\$&")}"`;
}
