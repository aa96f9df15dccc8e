/** One file of a plan. Pure. */

import type { HostPath } from "./host_path.ts";
import type { WriteFile } from "./operations/write_file.ts";

interface FileOptions {
  readonly mode?: number | "any";
  readonly isSecret?: boolean;
  readonly needs?: readonly string[];
}

export function writeFile(
  path: HostPath,
  content: WriteFile["content"],
  why: string,
  options: FileOptions = {},
): WriteFile {
  return {
    kind: "write-file",
    id: path,
    what: `write ${path}`,
    why,
    needs: options.needs ?? [],
    path,
    content,
    mode: options.mode ?? 0o644,
    isSecret: options.isSecret ?? false,
  };
}
