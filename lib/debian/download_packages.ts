/**
 * Debian packages without what they depend on: fetched and checked by apt inside mmdebstrap, unpacked, none of their
 * scripts run.
 */
import type { ArchitectureName } from "../architecture.ts";
import { snapshotOptions } from "./snapshot_name.ts";
import { type BootstrapHost, bootstrapProgram } from "./bootstrap_program.ts";

/**
 * Lines of shell text for an extract hook that leave `packages` unpacked in "$1/x", and their files in "$1/debs".
 * Pure.
 */
export function formatDownload(packages: readonly string[]): readonly string[] {
  return [
    'umask 022; mkdir "$1/debs" "$1/x"; cd "$1/debs"',
    // apt's own user may not enter this directory, whichever user we run as
    `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --option APT::Sandbox::User=root download ${packages.join(" ")}`,
    'for deb in *.deb; do dpkg-deb -x "$deb" "$1/x"; done',
  ];
}

export interface DownloadRequest {
  readonly suite: string;
  readonly mirror: string;
  /** Of the packages; absent: that of this machine, which runs programs of theirs. */
  readonly architecture?: ArchitectureName | undefined;
  /** Shell text that begins with {@link formatDownload}. */
  readonly hook: string;
}

/** The command line of mmdebstrap. @param target a directory for root, otherwise a tar archive */
export function downloadArguments(
  { suite, mirror, architecture, hook }: DownloadRequest,
  host: BootstrapHost,
  target: string,
): string[] {
  return [
    ...bootstrapProgram(host),
    "--variant=extract",
    `--format=${host.mode === "root" ? "directory" : "tar"}`,
    ...architecture === undefined ? [] : [`--architectures=${architecture}`],
    "--components=main",
    `--extract-hook=${hook}`,
    ...snapshotOptions(mirror),
    suite,
    target,
    mirror,
  ];
}
