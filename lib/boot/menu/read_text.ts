/** Files that a boot partition may hold in any shape: a folder of that name, a file larger than any configuration. */

import type { BootFiles } from "./entry.ts";

/**
 * @returns the text, or what `otherwise` makes of the reason why there is none
 * @throws what says that only root may read it: an entry must not be chosen as if the file were empty
 */
export async function readTextOr<Otherwise>(
  files: BootFiles,
  path: string,
  otherwise: (reason: string) => Otherwise,
): Promise<string | Otherwise> {
  try {
    return await files.readText(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) throw error;
    return otherwise(error instanceof Error ? error.message : String(error));
  }
}
