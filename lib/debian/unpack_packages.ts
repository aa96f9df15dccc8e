/**
 * Debian packages with all they depend on, unpacked by mmdebstrap without running any of their scripts, and what is
 * recorded of them. Pure.
 */
import type { ArchitectureName } from "../architecture.ts";
import { snapshotOptions } from "./snapshot_name.ts";
import { type BootstrapHost, bootstrapProgram } from "./bootstrap_program.ts";

/** Where `recordPackagesHook` leaves its lists inside the tree. */
export const packageRecordDirectory = "var/lib/stiefelsystem";

/**
 * Directories that Debian has merged into those of the same name in /usr. The packages of Debian 12 still have files
 * in them, and the "extract" variant makes no links in their place.
 */
export const mergedDirectories: readonly string[] = ["bin", "sbin", "lib", "lib64"];

/** Beside the lists: the field Date of the suite's Release file. */
export const releaseDateName = "release-date";

/**
 * Shell text for mmdebstrap's --extract-hook (that option takes nothing else): merges those directories, and writes
 * when the suite's lists were made, name and version of every package, and the paths in it. The kernel's own is left
 * out of the last: its paths are known (boot/, usr/lib/modules/) and unpacking it again is slow.
 */
export const recordPackagesHook = [
  'cd "$1"',
  `for old in ${mergedDirectories.join(" ")}; do if [ -d "$old" ] && [ ! -L "$old" ]; then ` +
  'mkdir -p "usr/$old" && cp -al "$old/." "usr/$old/" && rm -r "$old" || exit 1; fi; done',
  `mkdir -p ${packageRecordDirectory}/packages`,
  `sed -n 's/^Date: *//p' var/lib/apt/lists/*Release | head -n 1 > ${packageRecordDirectory}/${releaseDateName}`,
  "for deb in var/cache/apt/archives/*.deb; do " +
  "dpkg-deb --show --showformat='${Package}\\t${Version}\\t${Architecture}\\n' \"$deb\"; done" +
  ` | LC_ALL=C sort > ${packageRecordDirectory}/packages.tsv`,
  "for deb in var/cache/apt/archives/*.deb; do case $deb in */linux-image-*) continue ;; esac; " +
  `dpkg-deb --fsys-tarfile "$deb" | tar -t > ${packageRecordDirectory}/packages/"$(basename "\${deb%%_*}")".list; done`,
].join(" && ");

export interface UnpackRequest {
  readonly architecture: ArchitectureName;
  readonly suite: string;
  readonly mirror: string;
  readonly components: readonly string[];
  readonly packages: readonly string[];
}

/**
 * The command line of mmdebstrap. The "extract" variant unpacks packages and runs none of their scripts: nothing of
 * the image is executed on the build machine, and no chroot is needed.
 * @param target a directory for root; otherwise a tar archive, since in a directory the files would belong to another
 *   user
 */
export function unpackArguments(request: UnpackRequest, host: BootstrapHost, target: string): string[] {
  return [
    ...bootstrapProgram(host),
    "--variant=extract",
    `--architectures=${request.architecture}`,
    `--format=${host.mode === "root" ? "directory" : "tar"}`,
    `--components=${request.components.join(",")}`,
    `--include=${request.packages.join(",")}`,
    `--extract-hook=${recordPackagesHook}`,
    ...snapshotOptions(request.mirror),
    request.suite,
    target,
    request.mirror,
  ];
}

export interface PackageVersion {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** Reads the list `recordPackagesHook` made. */
export function parsePackageVersions(text: string): PackageVersion[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [name = "", version = "", architecture = ""] = line.split("\t");
    return { name, version, architecture };
  });
}

/** The paths of a `tar -t` listing as the image has them: relative, merged into /usr, without directories. */
export function parsePackagePaths(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.endsWith("/")).map((line) => {
    const path = line.replace(/^\.\//, "");
    return mergedDirectories.some((name) => path.startsWith(`${name}/`)) ? `usr/${path}` : path;
  });
}
