/** Fingerprints of the project's own files that go into the image. Runs `find`. */
import { hashFile, hashText } from "../hash.ts";
import { listTree } from "./list_tree.ts";
import { canonicalJson } from "./stage.ts";
import type { System } from "../system/system.ts";

/** What agents may be made of (design: agents import nothing else), relative to the project. */
const agentSourceDirectories = [
  "agents",
  "lib/boot",
  "lib/disk",
  "lib/export",
  "lib/fat",
  "lib/formats",
  "lib/net",
  "lib/protocol",
  "lib/restart",
  "lib/second_boot",
  "lib/system",
  "lib/terminal",
];
const agentSourceFiles = [
  "deno.json",
  "deno.lock",
  "lib/architecture.ts",
  "lib/backoff.ts",
  "lib/boot_error.ts",
  "lib/command_to_type.ts",
  "lib/describe_status.ts",
  "lib/errors.ts",
  "lib/file_part.ts",
  "lib/format_bytes.ts",
  "lib/laptop_keys.ts",
  "lib/service_end.ts",
  "lib/version.ts",
  "lib/version_order.ts",
  "lib/wrap_line.ts",
];

/**
 * Whether a change of this source makes other agents; path relative to the project. For tests, which know what agents
 * import.
 */
export function isAgentSource(path: string): boolean {
  return agentSourceFiles.includes(path) ||
    agentSourceDirectories.some((directory) => path.startsWith(`${directory}/`));
}

/** @param directory of image/initrd */
export async function fingerprintOverlay(system: System, directory: string): Promise<string> {
  return await fingerprintFiles(system, await listTree(system, directory));
}

/** Hashes every source that an agent could be made of; tests do not count. */
export async function fingerprintAgentSources(system: System, project: string): Promise<string> {
  const fingerprints: string[] = [];
  for (const directory of agentSourceDirectories) {
    const entries = (await listTree(system, `${project}/${directory}`)).filter(({ path }) =>
      !path.endsWith("_test.ts")
    );
    fingerprints.push(directory, await fingerprintFiles(system, entries));
  }
  for (const file of agentSourceFiles) fingerprints.push(file, await hashFile(system, `${project}/${file}`));
  return hashText(canonicalJson(fingerprints));
}

async function fingerprintFiles(system: System, entries: Awaited<ReturnType<typeof listTree>>): Promise<string> {
  const lines = await Promise.all(
    entries.toSorted((a, b) => a.path < b.path ? -1 : 1).map(async (entry) => {
      switch (entry.kind) {
        case "directory":
          return [entry.path];
        case "symlink":
          return [entry.path, entry.target];
        case "file":
          return [entry.path, entry.mode, await hashFile(system, entry.source)];
      }
    }),
  );
  return hashText(canonicalJson(lines));
}
