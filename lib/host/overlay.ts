/** Files of ours that go onto a host as they are: the folders below image/host/. */

import type { System } from "../system/system.ts";
import type { HostPath } from "./host_path.ts";

export interface OverlayFile {
  readonly path: HostPath;
  readonly text: string;
  readonly mode: number;
}

/** @returns the files below `directory`, sorted by path; none when there is no such directory */
export async function readOverlay(system: System, directory: string): Promise<readonly OverlayFile[]> {
  if ((await system.stat(directory))?.kind !== "directory") return [];
  const files: OverlayFile[] = [];
  await collect(system, directory, "", files);
  return files;
}

async function collect(system: System, directory: string, path: HostPath, files: OverlayFile[]): Promise<void> {
  for (const name of await system.readDirectory(`${directory}${path}`)) {
    const entryPath = `${path}/${name}`;
    const status = await system.stat(`${directory}${entryPath}`);
    if (status?.kind === "directory") await collect(system, directory, entryPath, files);
    if (status?.kind !== "file") continue;
    // Of the bits, git keeps this one only; the rest is what the umask of a checkout was.
    const mode = (status.mode & 0o100) === 0 ? 0o644 : 0o755;
    files.push({ path: entryPath, text: await system.readText(`${directory}${entryPath}`), mode });
  }
}
