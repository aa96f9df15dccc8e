/** Lists a directory on the build machine as entries of the image. Runs `find`. */
import type { System } from "../system/system.ts";
import { findFormat, parseFindOutput, type TreeEntry } from "./tree_entry.ts";

/** @param directory absolute path */
export async function listTree(system: System, directory: string): Promise<TreeEntry[]> {
  const { stdout } = await system.run(["find", directory, "-mindepth", "1", "-printf", findFormat]);
  return parseFindOutput(stdout, directory);
}
