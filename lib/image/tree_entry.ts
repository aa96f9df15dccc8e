/** What a part of the image consists of: entries of an archive, wherever their content lies. Pure. */

export type TreeEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  /** `source` is the file on the build machine that holds the content. */
  | {
    readonly kind: "file";
    readonly path: string;
    readonly mode: number;
    readonly source: string;
    readonly sizeBytes: number;
  };

/** `-printf` format of find(1) that `parseFindOutput` reads: type, mode, size, path below the start, link target. */
export const findFormat = "%y\\t%m\\t%s\\t%P\\t%l\\0";

/**
 * Reads what `find DIRECTORY -mindepth 1 -printf FORMAT` says. Owners are dropped (everything in the image is root's),
 * modes are brought to what an image needs, so that neither umask nor who built it shows: 0755 for directories and
 * programs, else 0644. Devices, sockets and pipes are left out: the running kernel makes its own.
 */
export function parseFindOutput(text: string, directory: string): TreeEntry[] {
  return text.split("\0").filter((record) => record !== "").flatMap((record): TreeEntry[] => {
    const [type, mode, size, path, target] = record.split("\t");
    if (type === undefined || mode === undefined || path === undefined || target === undefined) {
      throw new TypeError(`Not a line of find: ${JSON.stringify(record)}`);
    }
    if (type === "d") return [{ kind: "directory", path, mode: 0o755 }];
    if (type === "l") return [{ kind: "symlink", path, target }];
    if (type !== "f") return [];
    const isProgram = (parseInt(mode, 8) & 0o100) !== 0;
    return [{
      kind: "file",
      path,
      mode: isProgram ? 0o755 : 0o644,
      source: `${directory}/${path}`,
      sizeBytes: Number(size),
    }];
  });
}

/**
 * Puts entries into the order of an archive: sorted by path, one per path (the later one wins), with all parent
 * directories, and without directories that hold nothing unless they are in `keepEmpty`.
 */
export function arrangeEntries(entries: readonly TreeEntry[], keepEmpty: readonly string[] = []): TreeEntry[] {
  const byPath = new Map<string, TreeEntry>();
  const keptDirectories = new Set(keepEmpty.flatMap((path) => [path, ...parentPaths(path)]));
  for (const entry of entries) {
    byPath.set(entry.path, entry);
    if (entry.kind !== "directory") parentPaths(entry.path).forEach((parent) => keptDirectories.add(parent));
  }
  for (const path of keptDirectories) {
    if (!byPath.has(path)) byPath.set(path, { kind: "directory", path, mode: 0o755 });
  }
  return [...byPath.values()].filter((entry) => entry.kind !== "directory" || keptDirectories.has(entry.path))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

function parentPaths(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** The content of all files together. */
export function sumBytes(entries: readonly TreeEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.sizeBytes : 0), 0);
}
