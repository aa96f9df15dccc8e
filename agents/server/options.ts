/** Command line of the server agent. Pure. */
import { HANDOVER_DIRECTORY } from "../../lib/formats/handover.ts";
import { CLIENT_TIMEOUT_MAX_SECONDS, type OnEnd } from "../../lib/formats/kernel_command_line.ts";
import { parseOptions, usageError } from "../shared/parse_options.ts";
import type { AgentCommand } from "../shared/run_command.ts";

export const usage = `Usage: server-agent [options]

Offers the disk of this machine to the desktop that holds the shared key: answers when it asks on a network link, sends it
kernel and initramfs of the installed system, and exports the disk to it over the network. One desktop at a time.

Options:
  --listen ADDRESS   also accept desktops that come by address ("--server" there), over networks with routers;
                     may be given several times; "dhcp": each address that a DHCP server gives to this machine
  --disk DEVICE      the disk to serve (default: from the settings, else the only one that can be served)
  --on-end ACTION    what to do when the desktop is done: reboot, poweroff or wait (default: from the settings)
  --client-timeout SECONDS
                     after so long without a desktop do the same (default, and 0: wait for ever); not with wait
  --key FILE         the shared key (default: /etc/stiefelsystem/aes-key)
  --settings FILE    the settings (default: /etc/stiefelsystem/agent.json)
  --work-dir DIR     where to mount the boot partition (default: /run/stiefelsystem)
  --handover-dir DIR what the laptop's own system has handed over (default: ${HANDOVER_DIRECTORY})
  --help, --version

The kernel parameters stiefel.listen=ADDRESS, stiefel.on_end=ACTION and stiefel.client_timeout=SECONDS do the same; options win
over them.
State: http://ADDRESS-OF-THIS-MACHINE:4645/ (also /status.txt, /status.json, /metrics).

Examples:
  server-agent                          wait on all links
  server-agent --disk /dev/nvme0n1      with two disks in the machine
  server-agent --listen 192.0.2.10      for a desktop started with --server 192.0.2.10
  server-agent --listen dhcp            the same with an address, and a name, that the network gives
`;

export interface ServerOptions {
  readonly kind: "run";
  readonly listen: readonly string[];
  readonly disk?: string | undefined;
  readonly onEnd?: OnEnd | undefined;
  readonly clientTimeoutSeconds?: number | undefined;
  readonly keyPath?: string | undefined;
  readonly settingsPath?: string | undefined;
  readonly workDirectory: string;
  readonly handoverDirectory: string;
}

export type ServerCommand = AgentCommand<ServerOptions>;

/** @throws {UserError} exit code 2 */
export async function parseServerOptions(args: readonly string[]): Promise<ServerCommand> {
  return await parseOptions("server-agent", {
    args,
    options,
    make: (values): ServerOptions => ({
      kind: "run",
      listen: values.listen ?? [],
      disk: values.disk,
      onEnd: parseOnEnd(values["on-end"]),
      clientTimeoutSeconds: parseSeconds(values["client-timeout"]),
      keyPath: values.key,
      settingsPath: values.settings,
      workDirectory: values["work-dir"] ?? "/run/stiefelsystem",
      handoverDirectory: values["handover-dir"] ?? HANDOVER_DIRECTORY,
    }),
  });
}

function parseOnEnd(text: string | undefined): OnEnd | undefined {
  if (text === undefined || text === "reboot" || text === "poweroff" || text === "wait") return text;
  throw usageError("server-agent", `"--on-end ${text}" is not known, wanted reboot, poweroff or wait`);
}

function parseSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^(?:0|[1-9]\d{0,6})$/.test(text) && Number(text) <= CLIENT_TIMEOUT_MAX_SECONDS) return Number(text);
  throw usageError("server-agent", `"--client-timeout ${text}" is no number from 0 to ${CLIENT_TIMEOUT_MAX_SECONDS}`);
}

const options = {
  listen: { type: "string", multiple: true },
  disk: { type: "string" },
  "on-end": { type: "string" },
  "client-timeout": { type: "string" },
  key: { type: "string" },
  settings: { type: "string" },
  "work-dir": { type: "string" },
  "handover-dir": { type: "string" },
} as const;
