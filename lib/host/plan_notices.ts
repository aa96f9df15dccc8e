/** What the user should know of a plan before the first question. Pure. */

import { commandToType } from "../command_to_type.ts";
import { isAutokexecWanted } from "./plan_autokexec.ts";
import { planBootMenu } from "./plan_boot_files.ts";
import type { SetupInputs } from "./setup_inputs.ts";

const serveNow = commandToType("serve-now", { asRoot: true });

export function planNotices(inputs: SetupInputs): readonly string[] {
  const { config, facts, artifacts } = inputs;
  const { distribution } = facts;
  return [
    ...distribution === undefined ? ["This distribution is not known; it is treated by what is installed"] : [],
    ...distribution?.isDerivative ? [`${distribution.prettyName} is treated as ${distribution.distribution.name}`] : [],
    ...config.boot.load === undefined && !facts.hasBootLoaderConfig && facts.commandLine === ""
      ? [
        "No boot loader's configuration with a command line for this system was found: see what boot-entry shows, or name boot.load in config.yaml",
      ]
      : [],
    ...artifacts.kernelHookFiles.length === 0
      ? ["Kernel updates do not rebuild what desktops boot here: run setup-server again after each"]
      : [],
    ...artifacts.autokexec === undefined
      ? [
        `There is no autokexec agent: the laptop turns into a server only by hand (${serveNow})`,
      ]
      : [],
    ...artifacts.autokexec !== undefined && !isAutokexecWanted(config)
      ? [
        `The configuration switches autokexec off: the laptop turns into a server only by hand (${serveNow})`,
      ]
      : [],
    ...artifacts.autokexec !== undefined && !facts.hasSystemd
      ? [
        `This system does not run systemd: the autokexec agent is not installed; ${serveNow} names the commands that start a server`,
      ]
      : [],
    ...isStartedByHand(inputs) && facts.hasSystemdBoot && planBootMenu(inputs).length === 0
      ? [
        "systemd-boot's menu gets no entry for the image: it holds the key, and the EFI system partition is not encrypted (doc/agents.md)",
      ]
      : [],
  ];
}

function isStartedByHand({ config, facts, artifacts }: SetupInputs): boolean {
  return artifacts.autokexec === undefined || !isAutokexecWanted(config) || !facts.hasSystemd;
}
