/** The Debian mirror of this machine's own apt. */

import { findDebianMirror } from "../image/mirror.ts";
import type { System } from "../system/system.ts";

/** @returns undefined without apt, or when its sources name no mirror of Debian's main archive */
export async function readAptMirror(system: System): Promise<string | undefined> {
  const directory = "/etc/apt/sources.list.d";
  const names = await system.readDirectory(directory).catch(() => []);
  const paths = ["/etc/apt/sources.list", ...names.map((name) => `${directory}/${name}`)];
  return findDebianMirror(await Promise.all(paths.map((path) => system.readText(path).catch(() => ""))));
}
