/** The script /usr/lib/stiefelsystem/run-agent inside the image. Pure. */
import type { Role } from "../protocol/kernel_command_line.ts";
import { type AgentGrants, formatGrants } from "./agent_grants.ts";

/** @param grants only written into the script in the form "bundle"; a compiled agent has them built in */
export function formatLauncher(form: "compile" | "bundle", grants: Readonly<Record<Role, AgentGrants>>): string {
  return [
    "#!/bin/sh",
    "# Runs the agent of a role with what it may do: run-agent server|client [options]. Called by supervise-agent.",
    "export PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 HOME=/root",
    "directory=/usr/lib/stiefelsystem",
    "role=$1",
    "case $role in",
    "server | client) shift ;;",
    "*)",
    '    echo "run-agent: no agent for the role \\"$role\\"" >&2',
    "    exit 2",
    "    ;;",
    "esac",
    ...form === "compile" ? compiledStart : bundledStart(grants),
    "",
  ].join("\n");
}

/** The machine has one role, so its agent takes the only copy of denort, which lies in memory. */
const compiledStart: readonly string[] = [
  "# A compiled agent is denort followed by the agent's own data. denort is in the image once; the first agent that runs takes it.",
  'if [ ! -e "$directory/$role-agent" ]; then',
  '    mv "$directory/denort" "$directory/$role-agent.unfinished" &&',
  '        cat "$directory/$role-agent.program" >> "$directory/$role-agent.unfinished" &&',
  '        mv "$directory/$role-agent.unfinished" "$directory/$role-agent" || exit 1',
  "fi",
  'exec "$directory/$role-agent" "$@"',
];

function bundledStart(grants: Readonly<Record<Role, AgentGrants>>): string[] {
  const cases = Object.entries(grants).flatMap(([role, ofRole]) => [
    `${role})`,
    '    exec "$directory/deno" run --quiet --no-config --no-remote --no-npm --no-lock \\',
    ...formatGrants(ofRole).map((flag) => `        ${flag} \\`),
    `        "$directory/${role}-agent.js" "$@"`,
    "    ;;",
  ]);
  return [
    "# Deno's own files: in memory, like everything here.",
    "export DENO_DIR=/run/deno DENO_NO_UPDATE_CHECK=1",
    "case $role in",
    ...cases,
    "esac",
  ];
}
