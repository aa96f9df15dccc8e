/** The unit of the autokexec agent on the laptop. Pure. */

import type { HostPath } from "./operation.ts";

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
# It answers the network and may reboot the machine; it needs nothing else.
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), COMMAND LINES and systemd.unit(5), SPECIFIERS: "%" and "$" are doubled, quotes and backslashes escaped. */
function quoteWord(word: string): string {
  const escaped = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, "\\$&")}"`;
}
