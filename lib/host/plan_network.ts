/** What keeps network managers from the stiefel link: their files, and reading them again. Pure. */

import { type HostFacts, networkUnits } from "./host_facts.ts";
import type { HostPath } from "./host_path.ts";
import { networkdRule, networkManagerRule, type NetworkRule } from "./network_rules.ts";
import type { RunCommand } from "./operations/run_command.ts";
import type { WriteFile } from "./operations/write_file.ts";
import { writeFile } from "./plan_file.ts";

export function planNetworkRules(facts: HostFacts): readonly WriteFile[] {
  const write = ({ path, text, why }: NetworkRule): WriteFile => writeFile(path, { kind: "text", text }, why);
  return [
    ...facts.hasNetworkManager ? [write(networkManagerRule)] : [],
    ...facts.hasNetworkd ? [write(networkdRule)] : [],
  ];
}

/** Reloading keeps all connections. */
export function planReloads(facts: HostFacts, rules: readonly WriteFile[]): readonly RunCommand[] {
  const reload = (unit: string, path: HostPath, argv: readonly string[]): readonly RunCommand[] => {
    if (!facts.activeUnits.includes(unit) || !rules.some((rule) => rule.id === path)) return [];
    const what = `reload the settings of ${unit.replace(".service", "")}`;
    const why = "So that it reads the file above; connections stay up";
    const id = `reload ${unit}`;
    return [{
      kind: "run-command",
      id,
      what,
      why,
      needs: [path],
      argv,
      changedBy: [path],
      outputs: [],
      undo: "repeat",
    }];
  };
  return [
    ...reload(networkUnits.networkManager, networkManagerRule.path, ["nmcli", "general", "reload", "conf"]),
    ...reload(networkUnits.networkd, networkdRule.path, ["networkctl", "reload"]),
  ];
}
