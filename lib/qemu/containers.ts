/**
 * The two agents as containers of systemd-nspawn, joined by a pair of virtual network cards in network namespaces of
 * their own.
 */

import { AGENT_SETTINGS_PATH } from "../formats/agent_settings.ts";
import type { System } from "../system/system.ts";

export type ContainerRole = "server" | "client";

/** Names on the host; they must not collide with anything of the user's. */
const namespaceOf = { server: "stiefel-server", client: "stiefel-client" } as const;
const cardOf = { server: "stiefel-s", client: "stiefel-c" } as const;

export interface ContainerSpec {
  readonly role: ContainerRole;
  /** The image in its folder form; never written to. */
  readonly tree: string;
  /** Block devices it may open. */
  readonly devices: readonly string[];
  /** A file that takes the place of the agent's settings in the image. */
  readonly settingsPath?: string | undefined;
  readonly command: readonly string[];
  readonly isInteractive: boolean;
}

/** What runs in the container: the agent by its launcher, with the grants it has in the image. Pure. */
export function agentCommand(role: ContainerRole, device: string | undefined): readonly string[] {
  const options = role === "client"
    // A container cannot start a kernel.
    ? ["--no-kexec"]
    : ["--on-end", "wait", ...(device === undefined ? [] : ["--disk", device])];
  return ["/usr/lib/stiefelsystem/run-agent", role, ...options];
}

/** Pure. */
export function formatNspawnArguments(spec: ContainerSpec): string[] {
  return [
    "systemd-nspawn",
    "--quiet",
    // Works without systemd-machined, and where the host has another init.
    "--register=no",
    "--keep-unit",
    `--directory=${spec.tree}`,
    "--read-only",
    "--tmpfs=/tmp",
    `--machine=${namespaceOf[spec.role]}`,
    `--network-namespace-path=/run/netns/${namespaceOf[spec.role]}`,
    // Not given by itself with a namespace made by others; agents raise links and add addresses.
    "--capability=CAP_NET_ADMIN",
    `--console=${spec.isInteractive ? "interactive" : "pipe"}`,
    ...spec.devices.map((path) => `--bind=${path}`),
    ...(spec.settingsPath === undefined ? [] : [`--bind-ro=${spec.settingsPath}:${AGENT_SETTINGS_PATH}`]),
    // The agent is no init: nspawn's own reaps its children.
    "--as-pid2",
    ...spec.command,
  ];
}

/** Makes the namespaces and the cable as far as they are missing; each end is up. Runs `ip`. */
export async function ensureCable(system: System): Promise<void> {
  const { stdout } = await system.run(["ip", "-json", "netns", "list"]);
  const present = new Set(
    (JSON.parse(stdout.trim() || "[]") as readonly { readonly name?: string }[]).map((entry) => entry.name),
  );
  for (const name of Object.values(namespaceOf)) if (!present.has(name)) await system.run(["ip", "netns", "add", name]);
  const inServer = ["ip", "-netns", namespaceOf.server];
  const inClient = ["ip", "-netns", namespaceOf.client];
  const has = await system.run([...inServer, "link", "show", "dev", cardOf.server], { acceptExitCodes: [0, 1] });
  if (has.exitCode !== 0) {
    await system.run([
      ...inServer,
      ...["link", "add", cardOf.server, "type", "veth"],
      ...["peer", "name", cardOf.client, "netns", namespaceOf.client],
    ]);
  }
  await system.run([...inServer, "link", "set", "dev", cardOf.server, "up"]);
  await system.run([...inClient, "link", "set", "dev", cardOf.client, "up"]);
}

/** Removes a role's namespace; its end of the cable goes with it, and so does the other end. */
export async function removeNetwork(system: System, role: ContainerRole): Promise<void> {
  await system.run(["ip", "netns", "delete", namespaceOf[role]], { acceptExitCodes: [0, 1], isCleanup: true });
}
