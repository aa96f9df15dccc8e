/**
 * initramfs-tools (Debian, Ubuntu before 25.10) as data: what makes its initramfs able to attach a laptop's disk.
 * What the files do is in doc/hooks.md.
 */

/** A file of ours in an installed system; its content is `image/host/<layer><path>`. */
export interface HookFile {
  readonly layer: "generic" | "initramfs-tools";
  /** Absolute path in the installed system. */
  readonly path: string;
  /** Permission bits; owner is root. */
  readonly mode: number;
}

/** One initramfs generator. */
export interface InitramfsGenerator {
  readonly name: string;
  /** The program by which a system is seen to use this generator. */
  readonly program: string;
  readonly files: readonly HookFile[];
  /** Debian packages whose programs the hook copies into the initramfs, or that the running system needs. */
  readonly packages: readonly string[];
  /** Rebuilds every initramfs of the system, so that each kernel it can start is able to attach the disk. */
  readonly rebuildCommand: readonly string[];
}

const ETC = "/etc/initramfs-tools";

export const initramfsTools: InitramfsGenerator = {
  name: "initramfs-tools",
  program: "/usr/sbin/update-initramfs",
  files: [
    { layer: "generic", path: "/usr/lib/stiefelsystem/stiefel-attach", mode: 0o755 },
    { layer: "generic", path: "/usr/lib/systemd/system-shutdown/stiefelsystem", mode: 0o755 },
    { layer: "initramfs-tools", path: `${ETC}/hooks/stiefelsystem`, mode: 0o755 },
    // Before local-top, where LVM and cryptsetup look for disks.
    { layer: "initramfs-tools", path: `${ETC}/scripts/init-premount/stiefelsystem`, mode: 0o755 },
    { layer: "initramfs-tools", path: `${ETC}/scripts/init-bottom/stiefelsystem`, mode: 0o755 },
  ],
  packages: ["initramfs-tools", "busybox", "iproute2", "nbd-client"],
  rebuildCommand: ["update-initramfs", "-u", "-k", "all"],
};
