/** Whose mmdebstrap a stage runs. Runs `id`, `unshare`. */
import { dirname } from "node:path/posix";
import { type BootstrapHost, findBootstrapHost } from "../../debian/bootstrap_program.ts";
import type { StageContext } from "./context.ts";

/** The directory inside the result of the stage "tools" that is the tree. */
export const toolsTreeName = "tree";

/** This machine's own, or that of the stage "tools" where the plan has it. */
export async function findStageHost(
  { system, request, directory, result }: Pick<StageContext, "system" | "request" | "directory" | "result">,
): Promise<BootstrapHost> {
  const host = await findBootstrapHost(system);
  if (request.found.archiveKeys === undefined) return host;
  const root = `${result("tools").directory}/${toolsTreeName}`;
  return { ...host, tree: { root, shared: dirname(directory) } };
}
