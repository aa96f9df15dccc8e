/** The agent that turns the running laptop into a server: its files, its settings, its unit. Pure. */

import type { Config } from "../config/config.ts";
import { AUTOKEXEC_KEY_PATH, AUTOKEXEC_SETTINGS_PATH, formatAutokexecSettings } from "../formats/autokexec_settings.ts";
import { autokexecUnit, autokexecUnitPath, formatAutokexecUnit } from "./autokexec_unit.ts";
import { imageStartOf } from "./image_start.ts";
import type { Operation } from "./operations/kinds.ts";
import { writeFile } from "./plan_file.ts";
import type { SetupInputs } from "./setup_inputs.ts";

export function isAutokexecWanted({ autokexec }: Config): boolean {
  return autokexec.broadcast || autokexec.macs.length > 0;
}

export function planAutokexec({ config, facts, artifacts }: SetupInputs): readonly Operation[] {
  const { autokexec } = artifacts;
  if (autokexec === undefined || !facts.hasSystemd || !isAutokexecWanted(config)) return [];
  const { kernel, initrd, commandLine } = imageStartOf(config);
  const settings = formatAutokexecSettings({
    version: 1,
    listens: config.autokexec.broadcast,
    ...config.server.name === undefined ? {} : { name: config.server.name },
    macs: config.autokexec.macs,
    kernel,
    initrd,
    commandLine,
    countdownSeconds: config.autokexec.countdownSeconds,
  });
  const files = autokexec.files.map(({ source, path, mode }) =>
    writeFile(
      path,
      { kind: "copy-of", source },
      "The agent that turns this machine into a server when a desktop asks",
      {
        mode,
        needs: [kernel, initrd],
      },
    )
  );
  const settingsFile = writeFile(
    AUTOKEXEC_SETTINGS_PATH,
    { kind: "text", text: settings },
    "What the agent listens for and starts",
  );
  const read = [...files.map((file) => file.id), AUTOKEXEC_SETTINGS_PATH, AUTOKEXEC_KEY_PATH];
  const unit = writeFile(
    autokexecUnitPath,
    { kind: "text", text: formatAutokexecUnit(autokexec.command) },
    "Starts the agent at boot; not on a desktop",
    { needs: read },
  );
  const agentUnit = { unit: autokexecUnit, needs: [unit.id] };
  return [
    ...files,
    settingsFile,
    unit,
    ...facts.isLive
      ? [
        {
          kind: "run-command",
          id: "reload systemd",
          what: "reload systemd",
          why: "So that it knows the unit",
          needs: [unit.id],
          argv: ["systemctl", "daemon-reload"],
          changedBy: [unit.id],
          outputs: [],
          undo: "repeat",
        } as const,
      ]
      : [],
    {
      ...agentUnit,
      kind: "enable-unit",
      id: `enable ${autokexecUnit}`,
      what: `enable ${autokexecUnit}`,
      why: "So that it starts at each boot",
      wantedBy: "multi-user.target",
    },
    ...facts.isLive
      ? [
        {
          ...agentUnit,
          kind: "restart-unit",
          id: `restart ${autokexecUnit}`,
          what: `start ${autokexecUnit}`,
          why:
            "From now on a desktop with the key can turn this machine into a server; it is announced and can be cancelled",
          changedBy: [unit.id, ...read],
          undo: "stop",
        } as const,
      ]
      : [],
  ];
}
