/** The script /usr/lib/stiefelsystem/run-agent inside the image. Pure. */
import type { Role } from "../formats/kernel_command_line.ts";
import { formatGrants, type Grants } from "../grants.ts";
import { imagePath } from "../system/system.ts";

/** Where our programs are inside the image. */
export const agentDirectory = "usr/lib/stiefelsystem";

export const agentRoles: readonly Role[] = ["server", "client"];

/** The one file of an agent, in the form "bundle". */
export function scriptName(role: Role): string {
  return `${role}-agent.js`;
}

/** What Deno runs in its place. */
export function starterName(role: Role): string {
  return `start-${role}-agent.js`;
}

/** @param grants only written into the script in the form "bundle"; a compiled agent has them built in */
export function formatLauncher(form: "compile" | "bundle", grants: Readonly<Record<Role, Grants>>): string {
  return [
    "#!/bin/sh",
    "# Runs the agent of a role with what it may do: run-agent server|client [options]. Called by supervise-agent.",
    `export PATH=${imagePath} LC_ALL=C.UTF-8 HOME=/root`,
    `directory=/${agentDirectory}`,
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
 * The program that Deno runs in place of the agent's script. Deno parses every module to find what it imports, which
 * for an agent takes as long as all else from its first line to its search (doc/testing.md, "Figures"), and there is
 * nothing to find: the script is one module without imports or exports, so that its text is a function's, too.
 */
export function formatStarter(scriptPath: string): string {
  return [
    `const path = ${JSON.stringify(scriptPath)};`,
    "const AsyncFunction = (async () => {}).constructor;",
    'await new AsyncFunction(`"use strict";\n${Deno.readTextFileSync(path)}\n//# sourceURL=file://${path}`)();',
    "",
  ].join("\n");
}

/**
 * No compiler in the JavaScript engine, neither in advance nor for what runs often: the ciphers are native code, and
 * what an agent does else is done once.
 */
function bundledStart(grants: Readonly<Record<Role, Grants>>): string[] {
  const cases = agentRoles.flatMap((role) => [
    `${role})`,
    '    exec "$directory/deno" run --quiet --no-config --no-remote --no-npm --no-lock --no-code-cache \\',
    "        --v8-flags=--max-lazy,--jitless \\",
    ...formatGrants(withScript(role, grants[role])).map((flag) => `        ${flag} \\`),
    `        "$directory/${starterName(role)}" "$@"`,
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

/** The starter reads its agent's script. */
export function withScript(role: Role, grants: Grants): Grants {
  const { read } = grants;
  return read === "all" ? grants : { ...grants, read: [...read, `/${agentDirectory}/${scriptName(role)}`] };
}
