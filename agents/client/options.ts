/** Command line of the client agent. Pure. */
import { type Mode, modes } from "../../lib/formats/kernel_command_line.ts";
import { parseOptions, usageError } from "../shared/parse_options.ts";
import type { AgentCommand } from "../shared/run_command.ts";

export const usage = `Usage: client-agent [options]

Boots this machine from the disk of another one: asks on all network links for a stiefelsystem that holds the same shared key,
fetches kernel and initramfs of the system installed there, and starts that kernel. Waits for as long as it takes.

Options:
  --server ADDRESS   go to this address, or name, instead of asking on the links, over networks with routers; this
                     machine takes an address by DHCP
  --mode MODE        try: what this desktop changes is thrown away in the end; write: it is on the laptop's disk
                     (default: from the kernel parameter stiefel.mode or the settings, else write)
  --no-kexec         do everything but start the kernel, and say what would be started
  --from-running-system   from this computer's own Linux: asks, shuts it down in order, and starts the laptop's
                     system. Takes root, systemd, kexec-tools and wireguard-tools; a restart leads back
  --yes              with --from-running-system: shut it down without a question
  --key FILE         the shared key (default: /etc/stiefelsystem/aes-key; in an image without it the laptop gives it for a
                     code that its screen shows); keys of other laptops are in the folder FILEs beside it
  --settings FILE    the settings (default: /etc/stiefelsystem/agent.json)
  --work-dir DIR     where kernel and initramfs are kept until they start, in memory (default: /run/stiefelsystem)
  --help, --version

The kernel parameter stiefel.server=ADDRESS does the same as --server, which wins over it. When several laptops answer, a
person chooses; without a key for 10 s, or without a terminal, stiefel.laptop=NAME is taken.

Examples:
  client-agent                        ask on all links
  client-agent --server 192.0.2.10    the other machine runs server-agent --listen 192.0.2.10
  client-agent --no-kexec             try it out
  client-agent --from-running-system --key aes-key --work-dir /run/stiefelsystem
                                      from this computer's own Linux
`;

export interface ClientOptions {
  readonly kind: "run";
  readonly server?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly keyPath?: string | undefined;
  readonly settingsPath?: string | undefined;
  readonly workDirectory: string;
  readonly withKexec: boolean;
  /** From an image of ours, where nothing but the agent runs; or from a Linux that is shut down in order. */
  readonly isFromRunningSystem: boolean;
  /** That is shut down without a question. */
  readonly isAgreed: boolean;
}

export type ClientCommand = AgentCommand<ClientOptions>;

/** @throws {UserError} exit code 2 */
export async function parseClientOptions(args: readonly string[]): Promise<ClientCommand> {
  return await parseOptions("client-agent", {
    args,
    options,
    make: (values): ClientOptions => ({
      kind: "run",
      server: values.server,
      mode: parseMode(values.mode),
      keyPath: values.key,
      settingsPath: values.settings,
      workDirectory: values["work-dir"] ?? "/run/stiefelsystem",
      withKexec: !values["no-kexec"],
      isFromRunningSystem: values["from-running-system"] ?? false,
      isAgreed: values.yes ?? false,
    }),
  });
}

function parseMode(text: string | undefined): Mode | undefined {
  const mode = modes.find((known) => known === text);
  if (text !== undefined && mode === undefined) {
    throw usageError("client-agent", `"--mode ${text}" is not known, wanted ${modes.join(" or ")}`);
  }
  return mode;
}

const options = {
  server: { type: "string" },
  mode: { type: "string" },
  "no-kexec": { type: "boolean" },
  "from-running-system": { type: "boolean" },
  yes: { type: "boolean" },
  key: { type: "string" },
  settings: { type: "string" },
  "work-dir": { type: "string" },
} as const;
