/** Programs of the laptop that would take the link to the disk. */

import { outputIfItWorks } from "../host/ask_program.ts";
import { networkManagerRule } from "../host/network_rules.ts";
import type { HostTree } from "../host/tree.ts";
import type { System } from "../system/system.ts";

/** A program that configures every link it sees, and the file that lists its exceptions. */
export interface GreedyProgram {
  readonly name: string;
  readonly unit: string;
  /** Its name in OpenRC. */
  readonly service: string;
  readonly file: string;
  /** What has to stand in the file. */
  readonly setting: string;
}

/**
 * dhcpcd.conf(5), connman.conf(5): neither has a directory for files of others. The one takes patterns, the other
 * beginnings of names: the link, and a tunnel over it.
 */
const greedyPrograms: readonly GreedyProgram[] = [
  {
    name: "dhcpcd",
    unit: "dhcpcd.service",
    service: "dhcpcd",
    file: "/etc/dhcpcd.conf",
    setting: "denyinterfaces stiefel*",
  },
  {
    name: "ConnMan",
    unit: "connman.service",
    service: "connman",
    file: "/etc/connman/main.conf",
    setting: "NetworkInterfaceBlacklist=stiefel",
  },
];

const networkManagerDirectory = "/etc/NetworkManager/conf.d";
const connectionsDirectory = "/etc/NetworkManager/system-connections";

/** Files that say that NetworkManager manages our device for all that our own file says, or that set it up. */
export async function findNetworkManagerConflicts(tree: HostTree): Promise<readonly string[]> {
  const find = async (directory: string, conflicts: (path: string, text: string) => boolean): Promise<string[]> => {
    const conflicting: string[] = [];
    for (const name of await tree.list(directory)) {
      const path = `${directory}/${name}`;
      if (!name.startsWith(".") && conflicts(path, await tree.readText(path) ?? "")) conflicting.push(path);
    }
    return conflicting;
  };
  return [
    ...await find(
      networkManagerDirectory,
      (path, text) => path.endsWith(".conf") && path > networkManagerRule.path && managesOurLink(text),
    ),
    ...await find(connectionsDirectory, (_, text) => /^\s*interface-name\s*=\s*stiefel/m.test(text)),
  ];
}

/**
 * Whether a section like [device-lan] manages our link. Of the sections that match a device the one in the file that
 * is read last counts, and a plain [device] only if there is no other; /etc/NetworkManager/conf.d is read last of all,
 * in the order of names (NetworkManager.conf(5)).
 */
function managesOurLink(text: string): boolean {
  return text.split(/^(?=[ \t]*\[)/m).some((section) => {
    const devices = /^\s*match-device\s*=(.*)/m.exec(section)?.[1]?.split(/[,;]/).map((device) => device.trim()) ?? [];
    return /^\s*\[device[-.]/.test(section) && /^\s*managed\s*=\s*(1|true|yes|on)\b/m.test(section) &&
      devices.some((device) => /^(\*|type:ethernet|(interface-name:)?=?(\*|stiefel.*))$/.test(device));
  });
}

/** Services of every OpenRC runlevel: links in /etc/runlevels/LEVEL (rc-update(8)). */
export async function listOpenRcServices(tree: HostTree): Promise<ReadonlySet<string>> {
  const levels = await tree.list("/etc/runlevels");
  return new Set((await Promise.all(levels.map((level) => tree.list(`/etc/runlevels/${level}`)))).flat());
}

/** Runs `systemctl`, which OpenRC does not have; for a mounted system with its `--root`. */
export async function findGreedyPrograms(system: System, tree: HostTree): Promise<readonly GreedyProgram[]> {
  const greedy: GreedyProgram[] = [];
  const openRc = await listOpenRcServices(tree);
  for (const program of greedyPrograms) {
    const state = await outputIfItWorks(system, tree.commandLine(["systemctl", "is-enabled", program.unit]));
    if (state?.trim() !== "enabled" && !openRc.has(program.service)) continue;
    // Whatever leaves us out is fine: a whole name, its beginning, or a list of the only ones that are taken.
    const isTold = /^\s*(denyinterfaces|allowinterfaces|NetworkInterfaceBlacklist)\b.*/gm;
    const settings = (await tree.readText(program.file))?.match(isTold) ?? [];
    if (!settings.some((line) => line.includes("stiefel") || line.includes("allowinterfaces"))) greedy.push(program);
  }
  return greedy;
}
