/**
 * mmdebstrap for a machine that has none, nor apt and dpkg: debootstrap(8) fetches a small Debian, whose packages are
 * only unpacked, and in that tree the very same mmdebstrap does the very same work. Pure.
 */

import type { ArchitectureName } from "../architecture.ts";

/** Keys of Debian's archive, in the project: debootstrap trusts no others, and neither does apt in the tree. */
export const archiveKeyringPath = "image/keyring/debian-archive.gpg";

/** What mmdebstrap takes beyond Debian's required packages and apt; `mount` for trees whose scripts run. */
export const treePackages: readonly string[] = ["mmdebstrap", "mount"];

export interface BootstrapTree {
  /** Its root directory. */
  readonly root: string;
  /** The directory that holds all that mmdebstrap reads and writes; it has the same path in the tree. */
  readonly shared: string;
}

export interface TreeRequest {
  /** Of this machine. */
  readonly architecture: ArchitectureName;
  readonly suite: string;
  readonly mirror: string;
  /** A file with keys (gpgv(1)). */
  readonly keyring: string;
}

/**
 * The command line that resolves, fetches and verifies. It runs nothing of what it fetches, and needs no root.
 * @param target a directory; the packages lie in its {@link fetchedPackages}
 */
export function debootstrapArguments(
  { architecture, suite, mirror, keyring }: TreeRequest,
  target: string,
): readonly string[] {
  return [
    "debootstrap",
    "--download-only",
    // Without dpkg it does not know.
    `--arch=${architecture}`,
    "--variant=minbase",
    `--include=${treePackages.join(",")}`,
    `--keyring=${keyring}`,
    "--force-check-gpg",
    suite,
    target,
    mirror,
    // The rules for all suites since lenny, of which the older ones and those to come are links.
    "sid",
  ];
}

/** Where debootstrap leaves packages, and what the programs that it runs have said. */
export const fetchedPackages = "var/cache/apt/archives";
export const fetchLog = "debootstrap/debootstrap.log";

/** Whom apt in the tree believes for a mirror with https; a file has to be there. */
export const treeCertificates = "/etc/ssl/certs/ca-certificates.crt";

/** The same on the machines that build: Debian, Arch and Gentoo; Fedora; openSUSE. */
const hostCertificates = [
  treeCertificates,
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/var/lib/ca-certificates/ca-bundle.pem",
] as const;

/**
 * Shell text: "$0" is the tree, "$1" what it shares with this machine, then a command follows. Its mounts are in a
 * mount namespace that goes with it. Names are looked up and certificates believed as here; where one of these files is
 * a link, what it leads to is taken.
 */
const enterTree = [
  // Programs in it make the mounts below their root private, which takes a mount.
  'mount --rbind "$0" "$0"',
  'for path in "$1" "${TMPDIR:-/tmp}"; do mkdir -p "$0$path"; mount --rbind "$path" "$0$path"; done',
  'for path in /dev /proc /sys; do mount --rbind "$path" "$0$path"; done',
  "for path in /etc/hosts /etc/resolv.conf; do",
  '  if [ -e "$path" ]; then : >>"$0$path"; mount --bind "$path" "$0$path"; fi',
  "done",
  `for path in ${hostCertificates.join(" ")}; do`,
  `  if [ -e "$path" ]; then mount --bind "$path" "$0${treeCertificates}"; break; fi`,
  "done",
  'tree=$0; shift; exec chroot "$tree" "$@"',
].join("\n");

/** The words before a program of the tree. An ordinary user gets a user namespace with all ids (unshare(1)). */
export function treePrefix({ root, shared }: BootstrapTree, mode: "root" | "unshare"): readonly string[] {
  const user = mode === "root" ? [] : ["--user", "--map-root-user", "--map-auto"];
  return ["unshare", ...user, "--mount", "--propagation=private", "sh", "-euc", enterTree, root, shared];
}
