/** The script /usr/lib/stiefelsystem/run-agent inside the image. Pure. */
import type { Role } from "../protocol/kernel_command_line.ts";
import { type AgentGrants, formatGrants } from "./agent_grants.ts";

/** For the form with one Deno: the same grants that a compiled agent has built in. */
export function formatLauncher(grants: Readonly<Record<Role, AgentGrants>>): string {
  const cases = Object.entries(grants).flatMap(([role, ofRole]) => [
    `${role})`,
    "    exec /usr/lib/stiefelsystem/deno run --quiet --no-config --no-remote --no-npm --no-lock \\",
    ...formatGrants(ofRole).map((flag) => `        ${flag} \\`),
    `        /usr/lib/stiefelsystem/${role}-agent.js "$@"`,
    "    ;;",
  ]);
  return [
    "#!/bin/sh",
    "# Runs the agent of a role with what it may do: run-agent server|client [options]. Called by supervise-agent.",
    "export PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 HOME=/root",
    "# In memory, like everything here.",
    "export DENO_DIR=/run/deno DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1",
    "role=$1",
    "shift",
    "case $role in",
    ...cases,
    "*)",
    '    echo "run-agent: no agent for the role \\"$role\\"" >&2',
    "    exit 2",
    "    ;;",
    "esac",
    "",
  ].join("\n");
}
