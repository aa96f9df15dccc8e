/**
 * The laptop's end of a session's tunnel. It lies in a network namespace of its own, and so does what listens inside
 * it: no packet of any link gets there but through WireGuard (wireguard.com, "Routing & Network Namespace
 * Integration"). What is encrypted is sent and taken where the link was made, outside.
 */
import { describeError, UserError } from "../../errors.ts";
import type { System } from "../../system/system.ts";
import type { TunnelSettings } from "./plan_tunnel.ts";

const timeoutMs = 10_000;

interface Step {
  readonly argv: readonly string[];
  /** What holds a secret comes this way. */
  readonly stdin?: string;
  /** A kernel may lack it, and the tunnel does without. */
  readonly mayFail?: boolean;
}

/**
 * Raises it; keys go to `wg` by its standard input.
 * @throws {UserError} when this kernel has no WireGuard, or a step fails: nothing is left then. Runs `ip`, `wg`.
 */
export async function raiseTunnel(system: System, settings: TunnelSettings): Promise<void> {
  const { namespace, name, address, peerAddress, mtu, configuration } = settings;
  const inside = ["ip", "-n", namespace];
  const steps: readonly Step[] = [
    { argv: ["ip", "netns", "add", namespace] },
    { argv: ["ip", "link", "add", "dev", name, "type", "wireguard"] },
    { argv: ["ip", "link", "set", "dev", name, "netns", namespace] },
    // The image has no /dev/stdin.
    { argv: [...insideNamespace(namespace), "wg", "setconf", name, "/proc/self/fd/0"], stdin: configuration },
    ...kernelSettings.map(({ path, value }) => ({
      argv: [...insideNamespace(namespace), "sysctl", "-e", "-q", "-w", `${path}=${value}`],
      mayFail: true,
    })),
    { argv: [...inside, "-6", "address", "add", `${address}/128`, "dev", name, "nodad"] },
    { argv: [...inside, "link", "set", "dev", name, "mtu", `${mtu}`, "up"] },
    { argv: [...inside, "-6", "route", "add", `${peerAddress}/128`, "dev", name] },
  ];
  try {
    for (const { argv, stdin, mayFail } of steps) {
      const done = system.run(argv, { timeoutMs, ...(stdin === undefined ? {} : { stdin }) });
      await (mayFail ? done.catch(() => {}) : done);
    }
  } catch (error) {
    await removeTunnel(system, settings);
    throw new UserError(`The encrypted tunnel cannot be raised: ${describeError(error)}`, { cause: error });
  }
}

/** As start-devices has them for the other links: a desktop may be gone for long. */
const kernelSettings = [
  { path: "net.ipv4.tcp_retries2", value: 255 },
  { path: "net.ipv4.tcp_rto_max_ms", value: 20_000 },
] as const;

/** What comes before the command of a program that is to listen inside the tunnel. */
export function insideNamespace(namespace: string | undefined): readonly string[] {
  return namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
}

/** Its keys are gone with it. Never rejects: it may never have been raised. */
export async function removeTunnel(
  system: System,
  { namespace, name }: Pick<TunnelSettings, "namespace" | "name">,
): Promise<void> {
  const options = { timeoutMs, isCleanup: true } as const;
  // Where it was not moved yet; deleting the namespace takes it along as soon as nothing runs there.
  for (
    const argv of [
      ["ip", "-n", namespace, "link", "delete", "dev", name],
      ["ip", "link", "delete", "dev", name],
      ["ip", "netns", "delete", namespace],
    ]
  ) await system.run(argv, options).catch(() => {});
}
