/** How the image is started on the laptop as a server: its files and its kernel command line. Pure. */

import type { Config } from "../config/config.ts";
import type { AutokexecSettings } from "../formats/autokexec_settings.ts";
import { RETAIN_INITRD } from "../formats/public_initrd.ts";
import { CLEARS_MEMORY, formatStiefelParameters } from "../formats/kernel_command_line.ts";
import type { HostPath } from "./host_path.ts";

/** The configuration that the laptop was set up with, on the laptop. */
export const configPath: HostPath = "/etc/stiefelsystem/config.yaml";

export function imageStartOf(config: Config): Pick<AutokexecSettings, "kernel" | "initrd" | "commandLine"> {
  const { stiefelsystemKernel, stiefelsystemInitrd, cmdline } = config.serverSetup;
  const serverParameters = formatStiefelParameters({
    role: "server",
    onEnd: config.server.onEnd,
    clientTimeoutSeconds: config.autokexec.clientTimeoutMinutes * 60,
    isDebug: config.modules.has("debug"),
  });
  return {
    kernel: stiefelsystemKernel,
    initrd: stiefelsystemInitrd,
    commandLine: [
      // What comes later wins.
      CLEARS_MEMORY,
      ...cmdline,
      // What is given to desktops without a stick is cut out of it.
      ...config.netboot.links.length > 0 ? [RETAIN_INITRD] : [],
      serverParameters,
    ].join(" "),
  };
}
