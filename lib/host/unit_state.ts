/** What systemctl(1) says of a unit. */

import type { Host } from "./host.ts";

/** Whether a unit runs, by `systemctl is-active` (systemctl(1): 3 and 4 are its ways to say no). */
export async function isActive({ tree }: Pick<Host, "tree">, unit: string): Promise<boolean> {
  const { exitCode } = await tree.run(["systemctl", "is-active", "--quiet", unit], {
    acceptExitCodes: [0, 3, 4],
    timeoutMs: 30_000,
  });
  return exitCode === 0;
}

/** Whether a unit is enabled for good, by `systemctl is-enabled` (systemctl(1): 1 and 4 are its ways to say no). */
export async function isEnabled({ tree }: Pick<Host, "tree">, unit: string): Promise<boolean> {
  const { stdout } = await tree.run(["systemctl", "is-enabled", unit], {
    acceptExitCodes: [0, 1, 4],
    timeoutMs: 30_000,
  });
  return stdout.trim() === "enabled";
}
