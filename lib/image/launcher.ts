/** The script /usr/lib/stiefelsystem/run-agent inside the image. Pure. */
import type { Role } from "../formats/kernel_command_line.ts";
import { formatGrants, type Grants } from "../grants.ts";
import { imagePath } from "../system/system.ts";

/** @param grants only written into the script in the form "bundle"; a compiled agent has them built in */
export function formatLauncher(form: "compile" | "bundle", grants: Readonly<Record<Role, Grants>>): string {
  return [
    "#!/bin/sh",
    "# Runs the agent of a role with what it may do: run-agent server|client [options]. Called by supervise-agent.",
    `export PATH=${imagePath} LC_ALL=C.UTF-8 HOME=/root`,
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

/**
 * The machine has one role, so its agent takes the only copy of the body, which lies in memory; a container may run
 * both.
 */
const compiledStart: readonly string[] = [
  "# Compiled agents are the same but for the first page and the end: the common body is in the image once.",
  "agent=$directory/$role-agent",
  'if [ ! -e "$agent" ]; then',
  '    if [ -n "${container:-}" ]; then take="cp"; else take="mv"; fi',
  '    $take "$directory/agent-body" "$agent.unfinished" &&',
  '        cat "$agent.data" >> "$agent.unfinished" &&',
  '        dd if="$agent.head" of="$agent.unfinished" bs=4096 conv=notrunc 2>/dev/null &&',
  '        mv "$agent.unfinished" "$agent" || exit 1',
  "fi",
  'exec "$agent" "$@"',
];

/**
 * No compiler in the JavaScript engine, neither in advance nor for what runs often: the ciphers are native code, and
 * what an agent does else is done once.
 */
function bundledStart(grants: Readonly<Record<Role, Grants>>): string[] {
  const cases = Object.entries(grants).flatMap(([role, ofRole]) => [
    `${role})`,
    '    exec "$directory/deno" run --quiet --no-config --no-remote --no-npm --no-lock --no-code-cache \\',
    "        --v8-flags=--max-lazy,--jitless \\",
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
