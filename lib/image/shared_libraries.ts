/** Which shared libraries a set of programs needs. Pure. */

/** Loaded at run time by name, so that no DT_NEEDED tells of them. */
export const loadedByName: readonly string[] = [
  // The Deno program is linked against these names; it is a part of its own.
  "libdl.so.2",
  "libpthread.so.0",
  "librt.so.1",
  "libm.so.6",
  "libgcc_s.so.1",
  "libnss_files.so.2",
  "libnss_dns.so.2",
  "libresolv.so.2",
  "libkmod.so.2",
];

export interface ElfFile {
  readonly path: string;
  readonly needs: readonly string[];
}

const isLibraryPath = (path: string): boolean => /^usr\/lib\/[^/]+-linux-gnu\/[^/]+\.so(\.[^/]*)?$/.test(path);

/**
 * The libraries, files and links, directly in /usr/lib/TRIPLET that nothing needs: neither a program nor a plug-in nor
 * another library that is needed.
 * @param files all ELF files of the image
 * @param links links between libraries: path and the path it points to
 */
export function findUnneededLibraries(
  files: readonly ElfFile[],
  links: readonly { readonly path: string; readonly target: string }[],
): Set<string> {
  const paths = new Map<string, string>(); // file name -> path
  for (const { path } of [...files, ...links]) if (isLibraryPath(path)) paths.set(baseName(path), path);
  const targets = new Map(links.map(({ path, target }) => [path, target]));
  const needs = new Map(files.map((file) => [file.path, file.needs]));
  const needed = new Set<string>();
  const open = [...loadedByName, ...files.filter((file) => !isLibraryPath(file.path)).flatMap((file) => file.needs)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (let path = paths.get(name); path !== undefined && !needed.has(path); path = targets.get(path)) {
      needed.add(path);
      open.push(...needs.get(path) ?? []);
    }
  }
  return new Set([...paths.values()].filter((path) => !needed.has(path)));
}

/**
 * Libraries that a program or library of the image needs and nothing in it provides, each with who needs it: such a
 * program would not start.
 * @param files all ELF files of the image
 * @param present paths of all files and links of the image
 */
export function findMissingLibraries(files: readonly ElfFile[], present: Iterable<string>): string[] {
  const provided = new Set([...present].map(baseName));
  return files.flatMap(({ path, needs }) =>
    needs.filter((name) => !provided.has(name)).map((name) => `${path} needs ${name}`)
  );
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
