/** The autokexec agent as create-initrd has built it, and how it is started on the laptop. */
import { autokexecFiles } from "../autokexec_files.ts";
import type { AutokexecArtifact } from "../host/setup_inputs.ts";
import { autokexecFlags } from "../grants.ts";
import type { System } from "../system/system.ts";

/** Where it is on the laptop. */
const directory = "/usr/lib/stiefelsystem";

/** @returns undefined when it was not built */
export async function findAutokexecArtifact(
  system: System,
  buildDirectory: string,
): Promise<AutokexecArtifact | undefined> {
  const { program, script, runtime } = autokexecFiles;
  const place = (name: string, mode: number): AutokexecArtifact["files"][number] => ({
    source: `${buildDirectory}/${name}`,
    path: `${directory}/${name}`,
    mode,
  });
  const isThere = async (name: string): Promise<boolean> =>
    await system.stat(`${buildDirectory}/${name}`) !== undefined;
  if (await isThere(program)) return { files: [place(program, 0o755)], command: [`${directory}/${program}`] };
  if (!await isThere(script) || !await isThere(runtime)) return undefined;
  const run = ["run", "--quiet", "--no-config", "--no-remote", "--no-npm", "--no-lock", "--no-code-cache"];
  return {
    files: [place(runtime, 0o755), place(script, 0o644)],
    command: [`${directory}/${runtime}`, ...run, ...autokexecFlags, `${directory}/${script}`],
  };
}
