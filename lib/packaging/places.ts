/** What of the project goes into a package, and where. Pure. */

import { isAgentSource } from "../image/source_files.ts";
import { installedPlaces } from "../installation.ts";

/** A file of the project, and its place below the package's root. */
export interface PackagedFile {
  /** Relative to the project. */
  readonly from: string;
  /** Relative to the root of a system. */
  readonly to: string;
}

const own = installedPlaces.programDir.slice(1);
/** Documentation (Filesystem Hierarchy Standard 3.0, 4.11.3). */
export const documentDirectory = "usr/share/doc/stiefelsystem";

/** Folders of the project that packages take files of. */
export const packagedFolders = ["agents", "lib", "image", "doc"] as const;

const singleFiles: readonly PackagedFile[] = [
  { from: "packaging/stiefelsystem", to: installedPlaces.launcher.slice(1) },
  { from: "lib/grants.sh", to: `${own}/grants.sh` },
  { from: "deno.json", to: `${own}/deno.json` },
  { from: "deno.lock", to: `${own}/deno.lock` },
  { from: "config-example.yaml", to: `${own}/config-example.yaml` },
  ...["README.md", "CHANGELOG.md"].map((name) => ({ from: name, to: `${documentDirectory}/${name}` })),
];

/** @param paths of the files in {@link packagedFolders}, relative to the project */
export function choosePackaged(paths: readonly string[]): readonly PackagedFile[] {
  return [
    ...singleFiles,
    ...paths.flatMap((path): readonly PackagedFile[] => {
      // Beside the README, whose links lead there.
      if (path.startsWith("doc/")) return [{ from: path, to: `${documentDirectory}/${path}` }];
      const isPart = path.startsWith("image/") || (isAgentSource(path) && !path.endsWith("_test.ts"));
      return isPart ? [{ from: path, to: `${own}/${path}` }] : [];
    }),
  ];
}
