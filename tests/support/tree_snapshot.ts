/** All that is in a real directory tree, as one comparable value. */

import { createHash } from "node:crypto";

/** Path to kind, mode, owner and content hash (of files also the time of change), for all there is below `root`. */
export async function snapshotTree(root: string): Promise<Readonly<Record<string, string>>> {
  const entries: [string, string][] = [];
  await collect(root, "", entries);
  return Object.fromEntries(entries.sort(([one], [other]) => one < other ? -1 : 1));
}

async function collect(root: string, path: string, entries: [string, string][]): Promise<void> {
  const info = await Deno.lstat(`${root}${path}`);
  const owned = `${(info.mode ?? 0).toString(8)} ${info.uid}:${info.gid}`;
  if (info.isSymlink) {
    entries.push([path, `link ${owned} -> ${await Deno.readLink(`${root}${path}`)}`]);
  } else if (info.isFile) {
    const hash = createHash("sha256").update(await Deno.readFile(`${root}${path}`)).digest("hex");
    entries.push([path, `file ${owned} ${info.mtime?.getTime()} ${hash}`]);
  } else if (info.isDirectory) {
    entries.push([path, `directory ${owned}`]);
    for await (const entry of Deno.readDir(`${root}${path}`)) await collect(root, `${path}/${entry.name}`, entries);
  } else {
    entries.push([path, `special ${owned} ${info.rdev}`]);
  }
}
