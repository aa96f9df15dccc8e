/** `deno task grants`: writes the launcher's part of lib/grants.ts anew. */
import { oldestDeno, pinnedDeno } from "../../lib/deno_version.ts";
import { formatLauncherGrants } from "../../lib/grants.ts";
import { standardPath } from "../../lib/system/system.ts";
import { projectRoot } from "./source_tree.ts";

export const launcherGrantsPath = `${projectRoot}lib/grants.sh`;

export function launcherGrants(): string {
  return formatLauncherGrants({ oldest: oldestDeno, pinned: pinnedDeno }, standardPath);
}

if (import.meta.main) await Deno.writeTextFile(launcherGrantsPath, launcherGrants());
