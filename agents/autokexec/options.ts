/** Command line of the autokexec agent. Pure. */
import { JOIN_DIRECTORY } from "../../lib/formats/handover.ts";
import { AUTOKEXEC_KEY_PATH, AUTOKEXEC_SETTINGS_PATH } from "../../lib/formats/autokexec_settings.ts";
import { parseOptions } from "../shared/parse_options.ts";
import type { AgentCommand } from "../shared/run_command.ts";

export const usage = `Usage: autokexec-agent [options]

Runs on the laptop's own system as stiefel-autokexec.service. When a desktop with the same key asks for the disk, it loads the
stiefelsystem image, tells everybody at the laptop, waits for the countdown of the settings, and restarts into the image through a clean
shutdown. To say no meanwhile: systemctl stop stiefel-autokexec, or the button of the desktop notification.

Options:
  --key FILE         the shared key (default: ${AUTOKEXEC_KEY_PATH})
  --settings FILE    the settings (default: ${AUTOKEXEC_SETTINGS_PATH})
  --join-dir DIR     a tmpfs where image and handover are put together (default: ${JOIN_DIRECTORY})
  --help, --version
`;

export interface AutokexecOptions {
  readonly kind: "run";
  readonly keyPath: string;
  readonly settingsPath: string;
  readonly joinDirectory: string;
}

export type AutokexecCommand = AgentCommand<AutokexecOptions>;

/** @throws {UserError} exit code 2 */
export async function parseAutokexecOptions(args: readonly string[]): Promise<AutokexecCommand> {
  return await parseOptions("autokexec-agent", {
    args,
    options,
    make: (values): AutokexecOptions => ({
      kind: "run",
      keyPath: values.key ?? AUTOKEXEC_KEY_PATH,
      settingsPath: values.settings ?? AUTOKEXEC_SETTINGS_PATH,
      joinDirectory: values["join-dir"] ?? JOIN_DIRECTORY,
    }),
  });
}

const options = {
  key: { type: "string" },
  settings: { type: "string" },
  "join-dir": { type: "string" },
} as const;
