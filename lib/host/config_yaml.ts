/**
 * The text of a new config.yaml from what was found and answered. Pure; that it loads is tested against lib/config.
 */

import { type ArchitectureName, usualArchitecture } from "../architecture.ts";

export interface ConfigChoices {
  /** Of laptop and desktops. */
  readonly architecture: ArchitectureName;
  /** Entries of `modules` besides those that are always on. */
  readonly modules: readonly string[];
  readonly disk: string | undefined;
  readonly bootPartition:
    | { readonly type: "plain"; readonly block: string }
    | { readonly type: "luks"; readonly block: string; readonly luksBlock: string }
    | undefined;
  readonly listens: boolean;
  readonly onEnd: "reboot" | "poweroff" | "wait";
  /** What was looked at, for the heading. */
  readonly systemName: string;
}

export function formatConfigYaml(choices: ConfigChoices): string {
  const { architecture, modules, disk, bootPartition, listens, onEnd, systemName } = choices;
  return [
    `# Written by "init" on ${systemName.replaceAll(/[^\x20-\x7e]/g, "?")}. Every key: doc/config.md`,
    "modules:",
    ...["base", ...modules].map((name) => `  - ${name}`),
    "",
    ...architecture === usualArchitecture
      ? []
      : ["image:", "  # The processor of this machine, and of desktops", `  architecture: ${architecture}`, ""],
    ...disk === undefined && bootPartition === undefined ? [] : ["boot:"],
    ...disk === undefined ? [] : ["  # The disk that desktops use", `  disk: ${quote(disk)}`],
    ...bootPartition === undefined ? [] : [
      "  # Where the kernel and the initramfs are that desktops boot",
      "  part:",
      `    type: ${bootPartition.type}`,
      ...bootPartition.type === "luks" ? [`    luks_block: ${quote(bootPartition.luksBlock)}`] : [],
      `    block: ${quote(bootPartition.block)}`,
    ],
    "",
    "autokexec:",
    "  # Turn this machine into a server when a desktop with the key asks",
    `  broadcast: ${listens}`,
    "",
    "server:",
    "  # When the desktop has shut down: reboot, poweroff or wait",
    `  on-end: ${onEnd}`,
    "",
  ].filter((line, index, all) => line !== "" || all[index - 1] !== "").join("\n");
}

/** JSON's strings are YAML's double-quoted ones (YAML 1.2, section 7.3.1). */
function quote(text: string): string {
  return JSON.stringify(text);
}
