/** The package for Debian and its descendants. */

import { packagesFor as debianPackagesFor } from "../debian/program_packages.ts";
import { debian } from "../distro/debian.ts";
import { packagesFor } from "../distro/distribution.ts";
import { listTree } from "../image/list_tree.ts";
import { listedTransports, transportPrograms } from "../initramfs/needs.ts";
import type { System } from "../system/system.ts";
import { documentDirectory } from "./places.ts";
import { settle } from "./program_tree.ts";

/** What building the image takes, and restarting the laptop into it. */
const recommended: readonly string[] = [
  ...debianPackagesFor(["mmdebstrap", "bsdtar", "zstd", "xz"]),
  ...packagesFor(debian, ["modprobe", "udevadm", "ip", "kexec"]),
  "debian-archive-keyring",
];

/** What the demo takes; a transport; what doctor asks. */
const suggested: readonly string[] = [
  ...debianPackagesFor(["qemu-system-x86_64", "debugfs", "sfdisk", "nft", "man"]),
  ...packagesFor(debian, listedTransports().flatMap((transport) => transportPrograms(transport))),
  "cryptsetup-bin",
  "mokutil",
];

/** It has no address yet: lintian(1) says so. */
const maintainer = "Stiefelsystem maintainers <stiefelsystem@localhost>";

/**
 * The fields of the package (deb-control(5)). Pure.
 * @param sizeBytes of all files
 */
function formatControl(
  { version, sizeBytes }: { readonly version: string; readonly sizeBytes: number },
): string {
  const fields = {
    Package: "stiefelsystem",
    Version: version,
    Architecture: "amd64",
    Maintainer: maintainer,
    "Installed-Size": `${Math.ceil(sizeBytes / 1024)}`,
    // Of Deno: what its ELF header names.
    Depends: "libc6 (>= 2.27), libgcc-s1",
    Recommends: [...recommended].sort().join(", "),
    Suggests: [...suggested].sort().join(", "),
    Section: "admin",
    Priority: "optional",
    Description: [
      "laptop as the bootable disk of a stronger computer",
      " Over a network cable, a desktop boots the Linux that is installed on a laptop:",
      " it runs on the desktop's processor, graphics and memory, and every block is",
      " read from and written to the laptop's disk. When the desktop shuts down, the",
      " laptop starts its own system again.",
      " .",
      " The command stiefelsystem builds the image that both computers start, sets the",
      " laptop up, and writes the stick for the desktop.",
    ].join("\n"),
  };
  return Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`).join("");
}

export interface DebOptions {
  /** Of the project. */
  readonly project: string;
  /** As `writeProgramTree` makes it; it is changed into the package's. */
  readonly tree: string;
  readonly version: string;
  readonly epoch: number;
  /** The package. */
  readonly output: string;
  /** Of xz, 0 to 9. */
  readonly level: number;
}

/** For tests, and for the task that makes packages. Runs `gzip`, `find`, `touch`, `dpkg-deb`. */
export async function makeDeb(system: System, options: DebOptions): Promise<void> {
  const { project, tree, version, epoch, output, level } = options;
  await followDebian(system, options);
  await system.makeDirectory(`${tree}/DEBIAN`);
  const sizeBytes = (await listTree(system, tree)).reduce(
    (sum, entry) => sum + (entry.kind === "file" ? entry.sizeBytes : 0),
    0,
  );
  await system.writeFile(`${tree}/DEBIAN/control`, formatControl({ version, sizeBytes }));
  for (const script of ["prerm", "postrm"]) {
    const text = await system.readText(`${project}/packaging/debian/${script}`);
    await system.writeFile(`${tree}/DEBIAN/${script}`, text, { mode: 0o755 });
  }
  await settle(system, tree, epoch);
  await system.run(
    [
      "dpkg-deb",
      "--root-owner-group",
      ...["-Zxz", `-z${level}`],
      // The number of threads shows in the result.
      "--threads-max=1",
      ...["--build", tree, output],
    ],
    { env: { SOURCE_DATE_EPOCH: `${epoch}` }, timeoutMs: 30 * 60_000 },
  );
}

/** Debian Policy, 12.1, 12.7, and where its zsh looks. Runs `gzip`. */
async function followDebian(system: System, { project, tree, version, epoch }: DebOptions): Promise<void> {
  // The list is for who installs without a package manager.
  await system.remove(`${tree}/usr/share/stiefelsystem/files`);
  const [site, vendor] = [`${tree}/usr/share/zsh/site-functions`, `${tree}/usr/share/zsh/vendor-completions`];
  await system.rename(site, vendor);
  const documents = `${tree}/${documentDirectory}`;
  await system.writeFile(`${documents}/changelog`, formatChangelog(version, epoch));
  const overrides = `${tree}/usr/share/lintian/overrides`;
  await system.makeDirectory(overrides);
  const text = await system.readText(`${project}/packaging/debian/lintian-overrides`);
  await system.writeFile(`${overrides}/stiefelsystem`, text);
  const pages = (await listTree(system, `${tree}/usr/share/man`)).flatMap((entry) =>
    entry.kind === "file" ? [entry.source] : []
  );
  // Without names and times.
  await system.run(["gzip", "-9", "--no-name", ...pages, `${documents}/changelog`]);
}

/** deb-changelog(5). Pure. */
function formatChangelog(version: string, epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
  return `stiefelsystem (${version}) unstable; urgency=medium

  * /${documentDirectory}/CHANGELOG.md has what is new.

 -- ${maintainer}  ${date}
`;
}
